//! The text of migrations.

use std::{fs, path::Path};

/// Asserts that the migrations of a folder are numbered from 1 without gaps, name each constraint
/// and index, and explain each destructive statement in a comment.
///
/// # Panics
/// With all violations together.
pub fn migrations(folder: &Path) {
    let found = read(folder);
    let numbers: Vec<_> = found.iter().map(|(number, ..)| *number).collect();
    let expected: Vec<_> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected, "the numbers of {}", folder.display());

    let wrong: Vec<_> = found
        .iter()
        .flat_map(|(_, name, text)| {
            violations(text)
                .into_iter()
                .map(move |violation| format!("{name}: {violation}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Asserts that the migrations of a folder stay in the Postgres schema `schema`: each statement
/// outside of functions names it.
///
/// # Panics
/// With every statement that does not name it.
pub fn migrations_stay_in(folder: &Path, schema: &str) {
    let wrong: Vec<_> = read(folder)
        .iter()
        .flat_map(|(_, name, text)| {
            statements(text)
                .into_iter()
                .filter_map(move |(_, statement)| {
                    Some(format!("{name}: {}", outside_of(schema, &statement)?))
                })
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first line of a statement that names an object without `schema`.
fn outside_of(schema: &str, statement: &str) -> Option<String> {
    const NAMED_FIRST: [&str; 13] = [
        "CREATE TABLE",
        "CREATE VIEW",
        "CREATE FUNCTION",
        "ALTER TABLE",
        "COMMENT ON TABLE",
        "COMMENT ON VIEW",
        "COMMENT ON COLUMN",
        "REVOKE ALL ON FUNCTION",
        "GRANT EXECUTE ON FUNCTION",
        "INSERT INTO",
        "UPDATE",
        "DELETE FROM",
        "DROP TABLE",
    ];
    const NAMED_AFTER_ON: [&str; 4] = [
        "CREATE INDEX",
        "CREATE UNIQUE INDEX",
        "CREATE TRIGGER",
        "GRANT ",
    ];

    let first = NAMED_FIRST
        .iter()
        .find_map(|kind| statement.strip_prefix(kind));
    let named = first.or_else(|| {
        let behind = NAMED_AFTER_ON
            .iter()
            .any(|kind| statement.starts_with(kind));
        let place = statement
            .find(" ON ")
            .or_else(|| statement.find("\n    ON "));
        behind.then_some(statement.get(place?..)?.trim_start().strip_prefix("ON"))?
    })?;

    let named = named.trim_start();
    let inside = named.starts_with(&format!("{schema}.")) || named.starts_with("SCHEMA ");
    (!inside).then(|| statement.lines().next().unwrap_or_default().to_owned())
}

/// Number, file name and text of each migration.
fn read(folder: &Path) -> Vec<(u32, String, String)> {
    let mut found = Vec::new();
    for entry in
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "sql") {
            continue;
        }

        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let number = name
            .strip_prefix('V')
            .and_then(|rest| rest.split_once("__"))
            .and_then(|(number, rest)| {
                let stem = rest.strip_suffix(".sql")?;
                let plain = !stem.is_empty()
                    && stem
                        .chars()
                        .all(|letter| letter.is_ascii_lowercase() || letter == '_');
                number.parse().ok().filter(|_| plain)
            });

        let number = number
            .unwrap_or_else(|| panic!("{name}: name a migration V<number>__<what_it_does>.sql"));
        found.push((number, name, fs::read_to_string(&path).unwrap()));
    }

    found.sort();

    found
}

/// The violations in a migration's text.
fn violations(text: &str) -> Vec<String> {
    statements(text)
        .iter()
        .filter_map(|(comment, statement)| violation(comment, statement))
        .collect()
}

fn violation(comment: &str, statement: &str) -> Option<String> {
    let upper = statement.to_uppercase();
    let shown = statement.lines().next().unwrap_or_default();
    let table = upper.starts_with("CREATE TABLE") || upper.starts_with("ALTER TABLE");
    let constraints =
        ["PRIMARY KEY", "REFERENCES ", "UNIQUE ", "CHECK "].map(|word| upper.matches(word).count());
    if table && constraints.iter().sum::<usize>() > upper.matches("CONSTRAINT ").count() {
        return Some(format!("a constraint has no name: {shown}"));
    }

    let index = upper.starts_with("CREATE INDEX") || upper.starts_with("CREATE UNIQUE INDEX");
    if index
        && upper
            .split(" ON ")
            .next()
            .is_some_and(|name| name.ends_with("INDEX"))
    {
        return Some(format!("an index has no name: {shown}"));
    }

    let destroys = ["DROP ", "TRUNCATE ", "DELETE "]
        .iter()
        .any(|word| upper.starts_with(word))
        || (upper.starts_with("ALTER ")
            && [" DROP ", " RENAME ", " TYPE "]
                .iter()
                .any(|word| upper.contains(word)));

    (destroys && comment.is_empty())
        .then(|| format!("a destructive statement needs a comment that says why: {shown}"))
}

/// The statements of a text, each with the comment above it. A semicolon between `$$` does not end
/// a statement.
fn statements(text: &str) -> Vec<(String, String)> {
    let (mut found, mut comment, mut statement, mut quoted) =
        (Vec::new(), String::new(), String::new(), false);
    for line in text.lines() {
        if statement.is_empty() && line.trim().is_empty() {
            comment.clear();
        } else if line.trim_start().starts_with("--") {
            comment.push_str(line.trim());
        } else {
            statement.push_str(line);
            statement.push('\n');
            quoted ^= line.matches("$$").count() % 2 == 1;
            if !quoted && line.trim_end().ends_with(';') {
                found.push((std::mem::take(&mut comment), std::mem::take(&mut statement)));
            }
        }
    }

    assert!(
        statement.trim().is_empty(),
        "a statement has no semicolon: {statement}"
    );

    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_check_finds_objects_outside() {
        for outside in [
            "CREATE TABLE users (id uuid);",
            "CREATE INDEX users_idx ON users (id);",
            "GRANT SELECT ON users TO mainstay_server;",
            "CREATE TRIGGER t\n    AFTER DELETE ON users\n    FOR EACH ROW EXECUTE FUNCTION mainstay.f();",
            "CREATE TRIGGER t\n    AFTER DELETE\n    ON users\n    FOR EACH ROW EXECUTE FUNCTION mainstay.f();",
            "COMMENT ON COLUMN users.id IS 'x';",
        ] {
            assert!(outside_of("mainstay", outside).is_some(), "{outside}");
        }

        for inside in [
            "CREATE TABLE mainstay.users (id uuid);",
            "CREATE INDEX users_idx ON mainstay.users (id);",
            "GRANT USAGE ON SCHEMA public TO mainstay_server;",
        ] {
            assert_eq!(outside_of("mainstay", inside), None, "{inside}");
        }
    }

    #[test]
    fn the_migration_check_finds_each_violation() {
        for wrong in [
            "CREATE TABLE t (id uuid PRIMARY KEY);",
            "CREATE TABLE t (id uuid CONSTRAINT t_pkey PRIMARY KEY,\n u uuid REFERENCES users (id));",
            "ALTER TABLE t ADD UNIQUE (id);",
            "CREATE INDEX ON t (id);",
            "DROP TABLE t;",
            "-- About something else.\n\nDROP TABLE t;",
            "ALTER TABLE t DROP COLUMN c;",
            "DELETE FROM t;",
        ] {
            assert_eq!(violations(wrong).len(), 1, "{wrong}");
        }

        for right in [
            "CREATE TABLE t (id uuid CONSTRAINT t_pkey PRIMARY KEY);",
            "CREATE INDEX t_id_idx ON t (id);",
            "-- Unused since version 2.\nDROP TABLE t;",
            "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$\nBEGIN\n    DELETE FROM t;\nEND\n$$;",
        ] {
            assert_eq!(violations(right), Vec::<String>::new(), "{right}");
        }
    }
}
