//! Places where the code bypasses a guarantee of the types.

use std::{fmt::Write as _, path::Path};

use super::sources::{Source, sources};

/// A way around a guarantee of the types.
struct WayAround {
    /// What bypasses the guarantee.
    title: &'static str,
    /// The code that does it.
    written: &'static [&'static str],
    /// Files where it belongs and is not listed.
    home: &'static str,
}

const WAYS_AROUND: [WayAround; 5] = [
    WayAround {
        title: "statements that no organization limits",
        written: &["Unscoped::because(", ".unscoped("],
        home: "crates/database/",
    },
    WayAround {
        title: "sealed values that are opened",
        written: &["Disclosure::recorded_in_the_audit_log"],
        home: "crates/crypto/",
    },
    WayAround {
        title: "sealed values that are sorted by",
        written: &[".sort_key()"],
        home: "crates/crypto/",
    },
    WayAround {
        title: "SQL text that is vouched for by hand",
        written: &["AssertSqlSafe("],
        home: "nowhere",
    },
    WayAround {
        title: "sqlx outside the door",
        written: &["sqlx::"],
        home: "crates/database/",
    },
];

/// Counts the places where Rust files below `folders` of `root` bypass a guarantee of the types,
/// and returns the list, for a snapshot. The list may shrink; it grows by a reviewed change.
pub fn ways_around(root: &Path, folders: &[&str]) -> String {
    let sources = sources(root, folders);
    let mut text = String::new();
    for way in WAYS_AROUND {
        writeln!(text, "# {}: {}", way.title, way.written.join(" ")).unwrap();
        for source in &sources {
            let count = count(source, &way);
            if count > 0 {
                writeln!(text, "{} {count}", source.path).unwrap();
            }
        }
    }

    text
}

fn count(source: &Source, way: &WayAround) -> usize {
    // This file contains them all.
    if source.path.starts_with(way.home)
        || source.path == "crates/testing/src/checks/ways_around.rs"
    {
        return 0;
    }

    let code = source
        .text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));

    code.map(|line| {
        way.written
            .iter()
            .map(|written| line.matches(written).count())
            .sum::<usize>()
    })
    .sum()
}
