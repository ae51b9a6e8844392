//! Terminal output of commands. Escapes control characters, wraps lines between words, and handles
//! a closed pipe (`| head`) without a panic.

use std::{
    borrow::Cow,
    io::{self, ErrorKind, Write},
    sync::OnceLock,
};

use console::Term;
use mainstay_kernel::is_unprintable;

/// The first error of writing to standard output.
static FAILED: OnceLock<ErrorKind> = OnceLock::new();

/// Indent of the continuation of a wrapped line, in columns.
const INDENT: usize = 4;

/// Standard output. Remembers the first error for [`failure`].
pub(super) struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        noted(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        noted(io::stdout().flush())
    }
}

fn noted<T>(outcome: io::Result<T>) -> io::Result<T> {
    if let Err(error) = &outcome
        && error.kind() != ErrorKind::Interrupted
    {
        FAILED.get_or_init(|| error.kind());
    }
    outcome
}

/// Flushes standard output and returns the first error of writing to it. A closed pipe is
/// [`ErrorKind::BrokenPipe`].
pub(super) fn failure() -> Option<ErrorKind> {
    drop(Output.flush());
    FAILED.get().copied()
}

/// Writes lines for a person, wrapped between words at the width of the terminal.
pub(super) fn say(lines: &str) {
    let Some(width) = width() else {
        return print(lines);
    };
    let fitted: Vec<String> = lines.split('\n').map(|line| fit(line, width)).collect();
    print(&fitted.join("\n"));
}

/// Writes a table. If it is wider than the terminal, it drops the alignment of columns and wraps
/// each row.
pub(super) fn say_table(table: &str) {
    let table = table.trim_end();
    let Some(width) = width() else {
        return print(table);
    };
    print(&narrowed(table, width));
}

fn narrowed(table: &str, width: usize) -> String {
    if table.lines().all(|line| line.chars().count() <= width) {
        return table.to_owned();
    }

    let rows: Vec<String> = table
        .lines()
        .map(|line| fit(&cells(line).collect::<Vec<_>>().join("  "), width))
        .collect();
    rows.join("\n")
}

/// Splits a line into cells, which are separated by two or more spaces.
fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
}

/// Writes a document, such as JSON or Markdown, without wrapping.
pub(super) fn print(document: &str) {
    // `Output` remembers the error.
    drop(Output.write_all(format!("{}\n", printable(document)).as_bytes()));
}

/// Writes an error to standard error.
pub(super) fn complain(line: &str) {
    write_error("error", line);
}

/// Writes a warning to standard error.
pub(super) fn warn(line: &str) {
    write_error("warning", line);
}

fn write_error(kind: &str, line: &str) {
    // If standard error fails, there is nowhere left to report it.
    drop(io::stderr().write_all(format!("{kind}: {}\n", printable(line)).as_bytes()));
}

/// The number of columns, if standard output is a terminal.
pub(super) fn width() -> Option<usize> {
    Term::stdout()
        .size_checked()
        .map(|(_, columns)| columns.into())
}

/// Wraps a line at `width` columns. A cell moves to the next line as a whole if it fits there;
/// otherwise it breaks between words. A word is never broken.
fn fit(line: &str, width: usize) -> String {
    if line.chars().count() <= width {
        return line.to_owned();
    }

    let start = line.len() - line.trim_start().len();
    let mut fitted = Fitted {
        text: line[..start].to_owned(),
        column: start,
        indent: start + INDENT,
        width,
    };

    for cell in cells(line) {
        if fitted.has_room("  ", cell)
            || cell.chars().count() <= width.saturating_sub(fitted.indent)
        {
            fitted.push("  ", cell);
        } else {
            let mut gap = "  ";
            for word in cell.split_whitespace() {
                fitted.push(gap, word);
                gap = " ";
            }
        }
    }

    fitted.text
}

/// Wrapped text under construction.
struct Fitted {
    text: String,
    column: usize,
    indent: usize,
    width: usize,
}

impl Fitted {
    fn is_at_start(&self) -> bool {
        self.text
            .chars()
            .rev()
            .take_while(|letter| *letter == ' ')
            .count()
            == self.column
    }

    fn has_room(&self, gap: &str, part: &str) -> bool {
        let gap = if self.is_at_start() { 0 } else { gap.len() };
        self.column + gap + part.chars().count() <= self.width
    }

    fn push(&mut self, gap: &str, part: &str) {
        if !self.is_at_start() && !self.has_room(gap, part) {
            self.text = format!("{}\n{:indent$}", self.text, "", indent = self.indent);
            self.column = self.indent;
        } else if !self.is_at_start() {
            self.text.push_str(gap);
            self.column += gap.len();
        }
        self.text.push_str(part);
        self.column += part.chars().count();
    }
}

/// Escapes terminal control characters, which user input or a mail server's reply may contain
/// (OWASP ASVS 1.2.5, 16.4.1).
fn printable(text: &str) -> Cow<'_, str> {
    let is_control = |letter: char| is_unprintable(letter) && !matches!(letter, '\n' | '\t');
    if !text.contains(is_control) {
        return text.into();
    }

    let escaped = text.chars().map(|letter| {
        if is_control(letter) {
            letter.escape_unicode().to_string()
        } else {
            letter.to_string()
        }
    });

    escaped.collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            printable("a\u{1b}[2Jb\u{202e}c\r\u{9b}31m"),
            r"a\u{1b}[2Jb\u{202e}c\u{d}\u{9b}31m"
        );
        assert_eq!(printable("two\nlines\tand Grüße"), "two\nlines\tand Grüße");
    }

    #[test]
    fn a_line_that_fits_is_unchanged() {
        assert_eq!(fit("NAME        VALUE   ", 20), "NAME        VALUE   ");
    }

    #[test]
    fn a_long_line_wraps_between_words() {
        let line = "MAINSTAY_HTTP_BIND            127.0.0.1:8000  default  \
                    Where the API listens for all of its clients.";
        assert_eq!(
            fit(line, 46),
            "MAINSTAY_HTTP_BIND  127.0.0.1:8000  default\n    Where the API listens for all of its\n    clients."
        );
        assert_eq!(fit("  a  bb  cccc", 8), "  a  bb\n      cccc");
        // A long word is not broken.
        assert_eq!(
            fit("key  0123456789abcdef", 10),
            "key\n    0123456789abcdef"
        );
    }

    #[test]
    fn a_wide_table_drops_its_alignment() {
        let table = "NAME    VALUE\nlong-one  1\nb         2";
        assert_eq!(narrowed(table, 13), table);
        assert_eq!(narrowed(table, 12), "NAME  VALUE\nlong-one  1\nb  2");
    }

    #[test]
    fn no_line_exceeds_the_terminal_width() {
        let line = "one two three four five  six seven eight  \
                    nine ten eleven twelve thirteen fourteen  fifteen sixteen";
        for width in 12..line.len() {
            let fitted = fit(line, width);
            assert!(
                fitted.lines().all(|line| line.chars().count() <= width),
                "{width}: {fitted}"
            );
            let words = |text: &str| {
                text.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(words(&fitted), words(line));
        }
    }
}
