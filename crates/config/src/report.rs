//! Tables of settings: for the documentation, and with the values in use.

use crate::{Entry, Fallback, names::file_variable_of};

/// Renders a Markdown table of all settings with their defaults. It does not depend on the values
/// in use, so it can be committed.
pub fn reference(entries: &[Entry]) -> String {
    let mut page = String::from("| Variable | Default | Meaning |\n|---|---|---|\n");
    for entry in entries {
        let file = if entry.secret {
            format!(" or `{}`", file_variable_of(&entry.variable))
        } else {
            String::new()
        };

        let fallback = match &entry.fallback {
            Fallback::Value(value) if value.is_empty() => "(empty)".to_owned(),
            Fallback::Value(value) => format!("`{}`", in_cell(value)),
            Fallback::Unset => "(unset)".to_owned(),
            Fallback::Required => "**required**".to_owned(),
        };

        let (variable, help, kind) = (&entry.variable, in_cell(entry.help), in_cell(entry.kind));
        page.push_str(&format!(
            "| `{variable}`{file} | {fallback} | {help} Expects {kind}. |\n"
        ));
    }

    page
}

/// Renders a plain text table of all settings with the values in use and their origins.
pub fn table(entries: &[Entry]) -> String {
    let heading = ["VARIABLE", "VALUE", "FROM", "MEANING"].map(str::to_owned);

    let row = |entry: &Entry| {
        // A value is untrusted: a line break in it must not forge a row.
        let value = if entry.value.is_empty() {
            "(empty)".into()
        } else {
            entry.value.escape_debug().to_string()
        };

        [
            entry.variable.clone(),
            value,
            entry.origin.to_string(),
            entry.help.to_owned(),
        ]
    };

    let rows: Vec<_> = std::iter::once(heading)
        .chain(entries.iter().map(row))
        .collect();

    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };

    let widths = [width(0), width(1), width(2)];
    let line = |[variable, value, origin, help]: &[String; 4]| {
        let line = format!(
            "{variable:0$}  {value:1$}  {origin:2$}  {help}",
            widths[0], widths[1], widths[2]
        );
        format!("{}\n", line.trim_end())
    };

    rows.iter().map(line).collect()
}

/// Escapes text for a table cell.
fn in_cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reader;

    fn read(variables: &[(&str, &str)]) -> Reader {
        let mut reader = Reader::new(
            variables
                .iter()
                .map(|(variable, value)| ((*variable).into(), (*value).into())),
        );

        reader.or("port", 8080_u16, "The port.");
        reader.or(
            "origins",
            Vec::<String>::new(),
            "Who may call | from a browser.",
        );

        reader.optional::<String>("proxy", "The proxy.");
        reader.secret("key", "The key.");

        reader
    }

    #[test]
    fn the_reference_does_not_depend_on_values() {
        let page = reference(read(&[]).entries());
        assert_eq!(
            page,
            reference(read(&[("MAINSTAY_PORT", "1"), ("MAINSTAY_KEY", "k")]).entries())
        );
        assert_eq!(
            page,
            "| Variable | Default | Meaning |\n|---|---|---|\n\
             | `MAINSTAY_PORT` | `8080` | The port. Expects a whole number from 0 to 65535. |\n\
             | `MAINSTAY_ORIGINS` | (empty) | Who may call \\| from a browser. Expects values separated by commas. |\n\
             | `MAINSTAY_PROXY` | (unset) | The proxy. Expects text. |\n\
             | `MAINSTAY_KEY` or `MAINSTAY_KEY_FILE` | **required** | The key. Expects a secret. |\n"
        );
    }

    #[test]
    fn the_table_shows_the_values_in_use() {
        let table = table(
            read(&[
                ("MAINSTAY_PORT", "1"),
                ("MAINSTAY_PROXY", "a\nb"),
                ("MAINSTAY_KEY", "k"),
            ])
            .entries(),
        );

        assert_eq!(
            table,
            "VARIABLE          VALUE     FROM         MEANING\n\
             MAINSTAY_PORT     1         environment  The port.\n\
             MAINSTAY_ORIGINS  (empty)   default      Who may call | from a browser.\n\
             MAINSTAY_PROXY    a\\nb      environment  The proxy.\n\
             MAINSTAY_KEY      [secret]  environment  The key.\n"
        );
    }
}
