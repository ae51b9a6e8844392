//! Lines that fit a screen, and long functions in paragraphs.

use mainstay_testing::checks;
use mainstay_tests::root;

/// Columns of a line, SQL and comments included.
const WIDEST: usize = 120;

/// From this length on, a function has paragraphs: guard, work, answer.
const LONG_FUNCTION: usize = 20;

/// Percentage of long functions without a blank line, such as those that are one large expression.
const MOST_UNDIVIDED: usize = 5;

#[test]
fn no_line_is_wider_than_120_columns() {
    let mut wide = Vec::new();
    for source in all_sources() {
        for (number, line) in (1..).zip(source.text.lines()) {
            if line.chars().count() > WIDEST {
                wide.push(format!("{}:{number}", source.path));
            }
        }
    }
    assert!(wide.is_empty(), "wider than {WIDEST} columns: {wide:#?}");
}

#[test]
fn long_functions_are_divided_into_paragraphs() {
    let mut long = 0;
    let mut undivided = Vec::new();

    for source in all_sources() {
        for function in functions(&source.text) {
            if function.len() < LONG_FUNCTION {
                continue;
            }
            long += 1;
            if function.iter().all(|line| !line.trim().is_empty()) {
                undivided.push(format!("{}: {}", source.path, function[0].trim()));
            }
        }
    }

    let share = 100 * undivided.len() / long;
    assert!(
        share <= MOST_UNDIVIDED,
        "{share} % of {long} functions of {LONG_FUNCTION} lines or more have no blank line: {undivided:#?}"
    );
}

/// The functions of a formatted file, each from its signature to its closing brace.
fn functions(text: &str) -> Vec<Vec<&str>> {
    let lines: Vec<_> = text.lines().collect();
    let starts = (0..lines.len()).filter(|&start| {
        let code = lines[start].trim_start();
        let before = code.split("fn ").next().unwrap_or(code);
        code.contains("fn ")
            && before
                .chars()
                .all(|it| it.is_alphabetic() || " ()".contains(it))
    });

    starts
        .filter_map(|start| {
            let opening = lines[start..]
                .iter()
                .find(|line| line.ends_with(['{', ';']));
            opening.filter(|line| line.ends_with('{'))?;
            let indent = lines[start].len() - lines[start].trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            let length = lines[start..].iter().position(|line| **line == end)?;
            Some(lines[start..start + length].to_vec())
        })
        .collect()
}

fn all_sources() -> impl Iterator<Item = checks::Source> {
    let sources = checks::sources(&root(), &["app", "crates", "tests"]);
    sources
        .into_iter()
        .filter(|source| !source.path.contains("/ui/"))
}
