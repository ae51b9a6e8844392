//! What commands write: the one place that does, so that no name speaks to the terminal, no word is broken at its edge,
//! and a reader that has seen enough (`| head`) ends nothing in a panic.

use std::{
    borrow::Cow,
    io::{self, ErrorKind, Write},
    sync::OnceLock,
};

use console::Term;
use mainstay_kernel::is_unprintable;

/// Why standard output could not be written to, the first time.
static FAILED: OnceLock<ErrorKind> = OnceLock::new();

/// How far the rest of a line stands in that does not fit.
const INDENT: usize = 4;

/// Standard output. What fails is remembered, for [`failure`].
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

/// Why standard output was not written to its end, if it was not. A reader that has gone is [`ErrorKind::BrokenPipe`].
pub(super) fn failure() -> Option<ErrorKind> {
    // What still waits is written now, or is lost.
    drop(Output.flush());
    FAILED.get().copied()
}

/// Writes lines for the person at the terminal. One that is longer than the terminal is wide goes on in the next, between
/// words.
pub(super) fn say(lines: &str) {
    let Some(width) = width() else {
        return print(lines);
    };
    let fitted: Vec<String> = lines.split('\n').map(|line| fit(line, width)).collect();
    print(&fitted.join("\n"));
}

/// Writes a table. Where it is wider than the terminal, columns are given up, and each row is a line of its own that goes on
/// as others do.
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

/// What two or more spaces part.
fn cells(line: &str) -> impl Iterator<Item = &str> {
    line.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
}

/// Writes a document, such as JSON or Markdown: its lines stay as they are.
pub(super) fn print(document: &str) {
    // What fails is remembered.
    drop(Output.write_all(format!("{}\n", printable(document)).as_bytes()));
}

/// Writes what went wrong for the person at the terminal.
pub(super) fn complain(line: &str) {
    tell("error", line);
}

/// Writes what the person at the terminal should know, where it does not disturb the output.
pub(super) fn warn(line: &str) {
    tell("warning", line);
}

fn tell(kind: &str, line: &str) {
    // There is nowhere else to say it.
    drop(io::stderr().write_all(format!("{kind}: {}\n", printable(line)).as_bytes()));
}

/// How many columns there are, if this is a terminal.
pub(super) fn width() -> Option<usize> {
    Term::stdout()
        .size_checked()
        .map(|(_, columns)| columns.into())
}

/// A line of cells, which two or more spaces part, in lines of at most `width` columns: cells go to the next line whole, and
/// those that are too long for one are parted between words. A word that is too long stays whole.
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

/// Text that grows word by word.
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

/// Escapes what a terminal acts on: a name, or the answer of a mail server, can hold it (OWASP ASVS 1.2.5, 16.4.1).
fn printable(text: &str) -> Cow<'_, str> {
    let acts = |letter: char| is_unprintable(letter) && !matches!(letter, '\n' | '\t');
    if !text.contains(acts) {
        return text.into();
    }

    let escaped = text.chars().map(|letter| {
        if acts(letter) {
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
    fn nothing_that_acts_on_a_terminal_is_written() {
        assert_eq!(
            printable("a\u{1b}[2Jb\u{202e}c\r\u{9b}31m"),
            r"a\u{1b}[2Jb\u{202e}c\u{d}\u{9b}31m"
        );
        assert_eq!(printable("two\nlines\tand Grüße"), "two\nlines\tand Grüße");
    }

    #[test]
    fn a_line_that_fits_is_left_as_it_is() {
        assert_eq!(fit("NAME        VALUE   ", 20), "NAME        VALUE   ");
    }

    #[test]
    fn a_line_that_does_not_fit_goes_on_between_words() {
        let line = "MAINSTAY_HTTP_BIND            127.0.0.1:8000  default  Where the API listens, and nobody else does.";
        assert_eq!(
            fit(line, 46),
            "MAINSTAY_HTTP_BIND  127.0.0.1:8000  default\n    Where the API listens, and nobody else\n    does."
        );
        assert_eq!(fit("  a  bb  cccc", 8), "  a  bb\n      cccc");
        // What cannot be parted is not.
        assert_eq!(
            fit("key  0123456789abcdef", 10),
            "key\n    0123456789abcdef"
        );
    }

    #[test]
    fn a_table_that_does_not_fit_gives_up_its_columns() {
        let table = "NAME    VALUE\nlong-one  1\nb         2";
        assert_eq!(narrowed(table, 13), table);
        assert_eq!(narrowed(table, 12), "NAME  VALUE\nlong-one  1\nb  2");
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_is_wide() {
        let line = "one two three four five  six seven eight  nine ten eleven twelve thirteen fourteen  fifteen sixteen";
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
