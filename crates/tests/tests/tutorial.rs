//! The tutorial, followed to the letter in a copy of the repository: what it makes passes the tests that attack every
//! feature, and its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use mainstay_tests::root;

/// What the tutorial says to do to a file.
#[derive(Debug)]
enum Step {
    /// `path`, then a block of code: the whole file.
    Write { path: String, text: String },
    /// - In `path`, behind `anchor`, add `text`.
    Add {
        path: String,
        anchor: String,
        text: String,
    },
}

#[test]
fn the_tutorials_feature_passes_the_tests_that_attack_every_feature() {
    let directory = tempfile::tempdir().expect("there is room for a copy");
    let copy = directory.path();
    copy_sources(copy);
    copy_built(&copy.join("target"));

    let steps =
        steps(&fs::read_to_string(root().join("docs/tutorial.md")).expect("the tutorial is there"));
    assert!(steps.len() > 8, "{steps:?}");

    let next = format!(
        "migrations/V{}__",
        fs::read_dir(root().join("migrations"))
            .expect("they are there")
            .count()
            + 1
    );

    assert!(
        matches!(&steps[0], Step::Write { path, .. } if path.starts_with(&next)),
        "the next migration is {next}"
    );

    steps.iter().for_each(|step| step.follow(copy));

    let snapshots = [("UPDATE_SNAPSHOTS", "1")];
    cargo(
        copy,
        &[
            "test",
            "--workspace",
            "--test",
            "architecture",
            "--test",
            "sweeps",
        ],
        &snapshots,
    );

    cargo(
        copy,
        &["test", "--workspace", "--test", "operations", "artefacts"],
        &snapshots,
    );

    cargo(
        copy,
        &["test", "--workspace", "--test", "http", "notes::"],
        &[],
    );
}

impl Step {
    fn follow(&self, copy: &Path) {
        match self {
            Self::Write { path, text } => {
                let file = copy.join(path);
                assert!(!file.exists(), "{path} is there already");
                fs::create_dir_all(file.parent().expect("a file is in a folder"))
                    .expect("a folder is made");
                fs::write(file, text).expect("a file is written");
            }
            Self::Add { path, anchor, text } => {
                let file = copy.join(path);
                let old =
                    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert_eq!(
                    old.matches(anchor.as_str()).count(),
                    1,
                    "{path} has {anchor} once"
                );
                let space = if anchor.ends_with(';') { "\n" } else { "" };
                fs::write(file, old.replace(anchor, &format!("{anchor}{space}{text}")))
                    .expect("a file is written");
            }
        }
    }
}

/// What the tutorial says, in its order.
fn steps(tutorial: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut before, mut lines) = ("", tutorial.lines());
    while let Some(line) = lines.next() {
        let named: Vec<_> = line
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();

        if line.starts_with("```") {
            let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            let path = before.split('`').nth(1).filter(|path| path.contains('/'));
            let path = path
                .unwrap_or_else(|| panic!("no file is named above {code:?}"))
                .to_owned();
            steps.push(Step::Write {
                path,
                text: code.join("\n") + "\n",
            });
        } else if let ([path, anchor, text], true) = (named.as_slice(), line.starts_with("- In `"))
        {
            steps.push(Step::Add {
                path: path.clone(),
                anchor: anchor.clone(),
                text: text.clone(),
            });
        }

        if !line.is_empty() {
            before = line;
        }
    }

    steps
}

/// Copies what a checkout of the repository holds, and nothing that was built or installed in this one.
fn copy_sources(copy: &Path) {
    let unwanted =
        |name: &str| name.starts_with(".git") || name == "target" || name == "node_modules";
    copy_folder(&root(), copy, &|path| {
        !path
            .file_name()
            .is_some_and(|name| unwanted(&name.to_string_lossy()))
    });
}

/// Copies what was built of the dependencies and of the platform, so that the copy builds its own feature alone. Cargo tells
/// what is out of date by the times of files, which are those of the originals.
fn copy_built(target: &Path) {
    let profile = std::env::current_exe().expect("a test is a program");
    let profile = profile
        .ancestors()
        .nth(2)
        .expect("it is in the folder of a profile");
    let copy = target.join(profile.file_name().expect("the folder has a name"));

    copy_folder(
        &profile.join(".fingerprint"),
        &copy.join(".fingerprint"),
        &|_| true,
    );

    copy_folder(&profile.join("build"), &copy.join("build"), &|_| true);
    let libraries = ["rlib", "rmeta", "so", "dylib", "d"];
    copy_folder(&profile.join("deps"), &copy.join("deps"), &|path| {
        path.extension()
            .is_some_and(|extension| libraries.iter().any(|library| extension == *library))
    });
}

fn copy_folder(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    fs::create_dir_all(to).expect("a folder is made");

    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("a folder is read");
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().expect("an entry has a type") {
            _ if !wanted(&path) => {}
            kind if kind.is_dir() => copy_folder(&path, &copy, wanted),
            kind if kind.is_file() => copy_file(&path, &copy)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            _ => {}
        }
    }
}

fn copy_file(from: &PathBuf, to: &PathBuf) -> io::Result<()> {
    fs::copy(from, to)?;
    let times = fs::FileTimes::new().set_modified(fs::metadata(from)?.modified()?);
    fs::File::options().write(true).open(to)?.set_times(times)
}

fn cargo(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) {
    let mut command = Command::new(env!("CARGO"));
    command
        .args(arguments)
        .args(["--locked", "--offline"])
        .current_dir(directory)
        .envs(variables.iter().copied());

    // What this run was told of its own package is not the copy's.
    for (name, _) in std::env::vars()
        .filter(|(name, _)| name.starts_with("CARGO_PKG") || name.starts_with("CARGO_MANIFEST"))
    {
        command.env_remove(name);
    }

    command.env_remove("CARGO_TARGET_DIR");
    let output = command.output().expect("cargo runs");
    let (said, told) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );

    assert!(
        output.status.success(),
        "cargo {}:\n{said}\n{told}",
        arguments.join(" ")
    );
}
