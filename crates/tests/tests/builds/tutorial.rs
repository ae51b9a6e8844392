//! The steps of the tutorial, read from its text.

use std::{fs, path::Path};

/// A step of the tutorial: a change to a file.
#[derive(Debug)]
pub enum Step {
    /// `path`, then a code block: the whole file.
    Write { path: String, text: String },
    /// - In `path`, after `anchor`, add `text`.
    Add {
        path: String,
        anchor: String,
        text: String,
    },
}

impl Step {
    /// Applies the step to a copy of the repository.
    pub fn follow(&self, copy: &Path) {
        match self {
            Self::Write { path, text } => {
                let file = copy.join(path);
                assert!(!file.exists(), "{path} exists already");
                fs::create_dir_all(file.parent().expect("a file has a parent folder"))
                    .expect("the folder is created");
                fs::write(file, text).expect("the file is written");
            }
            Self::Add { path, anchor, text } => {
                let file = copy.join(path);
                let old =
                    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
                assert_eq!(
                    old.matches(anchor.as_str()).count(),
                    1,
                    "expected {anchor} once in {path}"
                );
                let space = if anchor.ends_with(';') { "\n" } else { "" };
                fs::write(file, old.replace(anchor, &format!("{anchor}{space}{text}")))
                    .expect("the file is written");
            }
        }
    }
}

/// The steps of the tutorial, in order.
pub fn steps(tutorial: &str) -> Vec<Step> {
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
                .unwrap_or_else(|| panic!("no file name above {code:?}"))
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
