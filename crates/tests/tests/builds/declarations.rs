//! Declarations that must not compile, and the compiler's messages, which guide the person who made
//! the mistake. Each file in `ui/` is compiled against the libraries that were built for the tests.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use mainstay_testing::assert_snapshot;
use regex::Regex;
use serde_json::Value;

#[test]
fn a_wrong_declaration_fails_to_compile_with_a_helpful_message() {
    let libraries = Libraries::built();
    let cases = cases();
    assert!(!cases.is_empty(), "no cases in ui/");

    for case in cases {
        let compiled = libraries.compile(&case);
        assert!(!compiled.status.success(), "{} compiles", case.display());

        let messages = String::from_utf8(compiled.stderr).expect("messages are UTF-8");
        assert_snapshot(&case.with_extension("stderr"), &portable(&messages));
    }
}

fn cases() -> Vec<PathBuf> {
    let files = fs::read_dir("ui").expect("tests run in their package's directory");
    let mut cases: Vec<_> = files
        .map(|file| file.expect("the directory is readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();

    cases.sort();
    cases
}

/// The compiled libraries that a case may use.
struct Libraries(Vec<(String, PathBuf)>);

impl Libraries {
    /// Asks cargo for the libraries that it has built for this test, with the same features, so
    /// that they are up to date.
    fn built() -> Self {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--workspace", "--test", "builds"])
            .args(["--locked", "--message-format", "json"])
            // Set by the test runner in CI; build scripts would see it as a change.
            .env_remove("RUSTC_BOOTSTRAP")
            .output()
            .expect("cargo starts");
        let errors = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{errors}");

        let messages = built.stdout.split(|byte| *byte == b'\n');
        let artifacts = messages.filter_map(|line| serde_json::from_slice(line).ok());
        Self(artifacts.filter_map(|it: Value| library(&it)).collect())
    }

    fn compile(&self, case: &Path) -> Output {
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
        rustc
            .args(["--edition=2024", "--emit=metadata", "--out-dir"])
            .arg(env!("CARGO_TARGET_TMPDIR"))
            .arg(case);

        for (name, file) in &self.0 {
            let directory = file.parent().expect("a file is in a directory");
            rustc.arg(format!("-Ldependency={}", directory.display()));
            if ["mainstay", "garde"].contains(&name.as_str()) {
                rustc.arg(format!("--extern={name}={}", file.display()));
            }
        }

        rustc.output().expect("the compiler starts")
    }
}

/// Name and file of a library, if this message of cargo is about one.
fn library(artifact: &Value) -> Option<(String, PathBuf)> {
    let mut files = artifact["filenames"].as_array()?.iter();
    let file = files.find_map(|file| file.as_str().filter(|name| name.ends_with(".rlib")))?;
    let name = artifact["target"]["name"].as_str()?.replace('-', "_");

    Some((name, file.into()))
}

/// The messages without what differs between machines or changes with other files: absolute paths,
/// line numbers outside the case, and the number of types that implement a trait.
fn portable(messages: &str) -> String {
    let messages = without_directories(messages);
    let reports = messages.split("\n\n").map(report);
    let reports = reports.filter(|it| !it.is_empty() && !it.starts_with("For more information"));

    reports.collect::<Vec<_>>().join("\n")
}

fn without_directories(messages: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    let root = root.expect("the package is two directories below the root");
    let messages = messages.replace(&format!("{}/", root.display()), "");

    let registry = regex("[^ ]*/registry/src/[^/]*/([a-z_-]+)-[0-9.]+");
    let others = regex("and [0-9]+ others");
    let messages = registry.replace_all(&messages, "$$CARGO/$1");
    others.replace_all(&messages, "and $$N others").into_owned()
}

/// One error, without line numbers outside the case.
fn report(text: &str) -> String {
    let mut elsewhere = false;
    let mut lines = Vec::new();

    for line in text.lines() {
        if line.contains("has been written to") || line.contains("using `--verbose`") {
            continue;
        }

        // `:::` is another place in the same file.
        if ["--> ", "::: "]
            .iter()
            .any(|arrow| line.trim_start().starts_with(arrow))
        {
            elsewhere = !line.contains("--> ui/");
            let file = line.split(".rs:").next().unwrap_or(line);
            lines.push(if elsewhere {
                format!("{file}.rs")
            } else {
                line.to_owned()
            });
            continue;
        }

        match line.split_once('|') {
            Some((gutter, quoted)) if elsewhere => {
                lines.push(format!("{}|{quoted}", " ".repeat(gutter.len())));
            }
            _ => lines.push(line.to_owned()),
        }
    }

    let digits = |line: &String| {
        line.trim_start()
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count()
    };
    let needed = lines.iter().map(digits).max().unwrap_or(0);
    let arrow = lines.iter().find_map(|line| line.find("--> "));
    let excess = " ".repeat(arrow.unwrap_or(needed).saturating_sub(needed));

    let lines = lines
        .iter()
        .map(|line| line.strip_prefix(&excess).unwrap_or(line));
    lines.fold(String::new(), |text, line| text + line + "\n")
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}
