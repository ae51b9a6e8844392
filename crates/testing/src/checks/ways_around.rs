//! Places where the code bypasses a guarantee of the types, each with its reason.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::sources::{Source, sources};

/// A way around a guarantee of the types.
struct WayAround {
    /// What bypasses the guarantee.
    title: &'static str,
    /// The code that does it.
    written: &'static [&'static str],
    /// Files where it belongs and is not listed.
    home: &'static str,
    /// Why it is there.
    reason: Reason,
}

enum Reason {
    /// One reason for all places.
    Fixed(&'static str),
    /// The first argument of the call is the reason: a literal or a constant, and a sentence.
    Argument,
}

const WAYS_AROUND: [WayAround; 5] = [
    WayAround {
        title: "statements that are not limited to an owner",
        written: &["::unlimited(", ".unlimited("],
        home: "crates/database/",
        reason: Reason::Argument,
    },
    WayAround {
        title: "sealed values that are opened",
        written: &["Disclosure::recorded_in_the_audit_log"],
        home: "crates/crypto/",
        reason: Reason::Fixed("The statement that reads the values records it."),
    },
    WayAround {
        title: "sealed values that are sorted by",
        written: &[".sort_key()"],
        home: "crates/crypto/",
        reason: Reason::Fixed("The value is compared, and only the outcome is shown."),
    },
    WayAround {
        title: "SQL text that is vouched for by hand",
        written: &["AssertSqlSafe("],
        home: "nowhere",
        reason: Reason::Fixed("The text is from the code, and all values are bound."),
    },
    WayAround {
        title: "sqlx outside the door",
        written: &["sqlx::"],
        home: "crates/database/",
        reason: Reason::Fixed("No product code has a reason."),
    },
];

/// Lists the reasons for which product code below `folders` of `root` bypasses a guarantee of the
/// types, by crate and with the number of places, for a snapshot. The list may shrink; it grows by
/// a reviewed change. Tests and the test kit are not product code.
///
/// # Panics
/// If a reason is not a sentence in the source of its crate.
pub fn ways_around(root: &Path, folders: &[&str]) -> String {
    let sources: Vec<_> = sources(root, folders)
        .into_iter()
        .filter(is_product)
        .collect();

    let mut text = String::new();
    for way in WAYS_AROUND {
        let reasons = reasons(&sources, &way);
        if !reasons.is_empty() {
            writeln!(text, "# {}: {}", way.title, way.written.join(" ")).unwrap();
        }
        for ((part, reason), count) in reasons {
            writeln!(text, "{part}: {reason} ({count})").unwrap();
        }
    }

    text
}

fn is_product(source: &Source) -> bool {
    source.path.contains("/src/") && !source.path.starts_with("crates/testing/")
}

/// The reasons, with their crates, and the number of places that give each.
fn reasons(sources: &[Source], way: &WayAround) -> BTreeMap<(String, String), usize> {
    let mut reasons = BTreeMap::new();
    for source in sources {
        if source.path.starts_with(way.home) {
            continue;
        }

        let code = code(source);
        for written in way.written {
            for (at, _) in code.match_indices(written) {
                let reason = match way.reason {
                    Reason::Fixed(reason) => reason.to_owned(),
                    Reason::Argument => argument(&code[at + written.len()..], source, sources),
                };
                *reasons
                    .entry((crate_of(source).to_owned(), reason))
                    .or_default() += 1;
            }
        }
    }

    reasons
}

/// The text without comments.
fn code(source: &Source) -> String {
    source
        .text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The name of a crate's folder.
fn crate_of(source: &Source) -> &str {
    let path = source.path.trim_start_matches("crates/");
    path.split('/').next().unwrap_or(path)
}

/// The reason that is the first argument of a call.
fn argument(call: &str, source: &Source, sources: &[Source]) -> String {
    let call = call.trim_start();
    let name: String = call
        .chars()
        .take_while(|letter| letter.is_ascii_uppercase() || *letter == '_')
        .collect();

    let reason = if name.is_empty() {
        literal(call)
    } else {
        constant(&name, source, sources)
    };

    match reason {
        Some(reason) if is_sentence(&reason) => reason,
        _ => panic!(
            "{}: give a sentence as the reason, in a literal or in a constant of the crate: {call:.40}",
            source.path
        ),
    }
}

/// The text of a constant in the same crate.
fn constant(name: &str, source: &Source, sources: &[Source]) -> Option<String> {
    let declared = format!("const {name}: &str =");
    let mut crates = sources
        .iter()
        .filter(|other| crate_of(other) == crate_of(source));

    crates.find_map(|other| {
        let (_, rest) = other.text.split_once(&declared)?;
        literal(rest.trim_start())
    })
}

/// The string literal that a text starts with.
fn literal(text: &str) -> Option<String> {
    let (literal, _) = text.strip_prefix('"')?.split_once('"')?;
    Some(literal.to_owned())
}

fn is_sentence(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.ends_with('.')
        && text.contains(' ')
}
