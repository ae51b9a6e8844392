//! Links and file names in the documentation refer to files that exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use mainstay_tests::root;
use regex::Regex;

/// Files that a reader creates, or that a running program writes.
const CREATED_BY_READER: [(&str, &[&str]); 3] = [
    (
        "docs/tutorial.md",
        &[
            "app/src/notes.rs",
            "app/src/notes/bodies.rs",
            "app/src/notes/endpoints.rs",
            "app/src/notes/row.rs",
            "migrations/V2__notes.sql",
            "tests/notes.rs",
        ],
    ),
    ("docs/how-to.md", &["running.json"]),
    ("migrations/README.md", &["V1__what_it_does.sql"]),
];

/// Folders outside of the repository.
const LEFT_OUT: [&str; 4] = [".git", "data", "node_modules", "target"];

#[test]
fn every_file_named_in_the_documentation_exists() {
    let files = files_below(&root());
    let pages: Vec<_> = files
        .iter()
        .filter(|file| file.ends_with(".md") && *file != "CHANGELOG.md")
        .collect();
    assert!(pages.len() > 20, "found only {} pages", pages.len());

    let mut missing = Vec::new();
    for page in pages {
        let text = fs::read_to_string(root().join(page)).unwrap();
        missing.extend(missing_in(page, &text, &files));
    }

    assert!(
        missing.is_empty(),
        "pages name files that do not exist:\n{}",
        missing.join("\n")
    );
}

/// The check finds broken links and paths.
#[test]
fn broken_links_and_paths_are_found() {
    let files = BTreeSet::from(["docs/a.md".to_owned(), "crates/http/src/edge.rs".to_owned()]);
    let missing = |text| missing_in("docs/nowhere.md", text, &files);

    let right = "[a](a.md#part), [b](https://b.example/c.md), `edge.rs`, `http/src/edge.rs`, `/v1/x.json`, `cargo run`";
    assert_eq!(missing(right), Vec::<String>::new());

    let wrong = "[a](b.md), `ledge.rs`, `src/dge.rs`\n```\n`sample.rs`\n```\n";
    assert_eq!(
        missing(wrong),
        [
            "docs/nowhere.md: (b.md)",
            "docs/nowhere.md: `ledge.rs`",
            "docs/nowhere.md: `src/dge.rs`",
        ]
    );
}

/// The broken links of a page, then its broken paths.
fn missing_in(page: &str, text: &str, files: &BTreeSet<String>) -> Vec<String> {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let prose = Regex::new(r"(?ms)^ *```.*?^ *```")
        .unwrap()
        .replace_all(text, "");

    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let links = link
        .captures_iter(&prose)
        .map(|found| found[1].to_owned())
        .filter(|target| !target.contains(':') && !target.starts_with('#'))
        .filter(|target| {
            let target = target.split('#').next().unwrap_or_default();
            !exists(&folder.join(target), files)
        })
        .map(|target| format!("{page}: ({target})"));

    let endings = "css|html|js|json|md|mjs|py|rs|sh|sql|toml|txt|ya?ml";
    let path = format!(r"`([A-Za-z0-9_][A-Za-z0-9_./-]*\.(?:{endings}))`");
    let path = Regex::new(&path).unwrap();
    let paths = path
        .captures_iter(&prose)
        .map(|found| found[1].to_owned())
        .filter(|path| !is_created_by_reader(page, path))
        .filter(|path| {
            let ending = format!("/{path}");
            let is_below = files.iter().any(|file| file.ends_with(&ending));
            !is_below && !files.contains(path) && !exists(&folder.join(path), files)
        })
        .map(|path| format!("{page}: `{path}`"));

    links.chain(paths).collect()
}

fn is_created_by_reader(page: &str, path: &str) -> bool {
    CREATED_BY_READER
        .iter()
        .any(|(made_in, made)| *made_in == page && made.contains(&path))
}

/// Whether a file, or a folder with files, exists at a path, which may contain `..`.
fn exists(path: &Path, files: &BTreeSet<String>) -> bool {
    let mut plain = PathBuf::new();
    for part in path {
        match part.to_str() {
            Some("..") => drop(plain.pop()),
            Some(".") => {}
            _ => plain.push(part),
        }
    }

    let plain = plain.to_string_lossy();
    let folder = format!("{}/", plain.trim_end_matches('/'));
    plain.is_empty()
        || files.contains(plain.as_ref())
        || files.iter().any(|file| file.starts_with(&folder))
}

/// The files of the repository, with paths below the root.
fn files_below(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !LEFT_OUT.contains(&name.as_ref()) {
                    folders.push(path);
                }
            } else if let Ok(below) = path.strip_prefix(root) {
                found.insert(below.to_string_lossy().into_owned());
            }
        }
    }

    found
}
