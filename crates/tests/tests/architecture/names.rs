//! A public type has a name of its own: no two of one name in a crate, and none that two crates use
//! for different things.

use std::collections::BTreeMap;

use mainstay_testing::checks::{Source, sources};
use mainstay_tests::root;
use regex::Regex;

/// Names that stand for the same thing in each crate, and are written with the crate's name.
const OF_EACH_CRATE: [(&str, &str); 1] = [("Settings", "what a crate reads of the configuration")];

/// An app of the platform's tests, whose types are named as in any other app.
const FIXTURE: &str = "crates/fixture/";

#[test]
fn no_two_public_types_have_one_name() {
    let sources: Vec<_> = sources(&root(), &["crates"])
        .into_iter()
        .filter(|source| source.path.contains("/src/"))
        .filter(|source| !source.path.starts_with(FIXTURE))
        .collect();

    let doubles = doubles(&sources);
    assert!(doubles.is_empty(), "{}", doubles.join("\n"));

    for (name, why) in OF_EACH_CRATE {
        assert!(
            public_types(&sources)[name].len() > 1,
            "{name} is {why} no more"
        );
    }
}

/// What is looked for is found where it is wrong.
#[test]
fn a_double_is_found() {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
    };
    let sources = [
        source(
            "crates/a/src/one.rs",
            "pub struct Place(u8);\n\npub enum Settings {}\n",
        ),
        source(
            "crates/a/src/two.rs",
            "struct Place;\n    pub struct Inner;\n",
        ),
        source(
            "crates/b/src/lib.rs",
            "pub trait Place {}\n\npub struct Settings;\n",
        ),
    ];

    assert_eq!(
        doubles(&sources),
        ["Place: crates/a/src/one.rs, crates/b/src/lib.rs"]
    );
}

/// The names that more than one public type has, each with its files.
fn doubles(sources: &[Source]) -> Vec<String> {
    public_types(sources)
        .into_iter()
        .filter(|(name, files)| {
            files.len() > 1 && !OF_EACH_CRATE.iter().any(|(of_each, _)| of_each == name)
        })
        .map(|(name, files)| format!("{name}: {}", files.join(", ")))
        .collect()
}

/// The public types, by name, with the files that define them.
fn public_types(sources: &[Source]) -> BTreeMap<String, Vec<&str>> {
    let definition = Regex::new(r"(?m)^pub (?:enum|struct|trait|type|union) (\w+)").unwrap();
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in sources {
        for definition in definition.captures_iter(&source.text) {
            found
                .entry(definition[1].to_owned())
                .or_default()
                .push(&source.path);
        }
    }

    found
}
