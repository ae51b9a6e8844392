//! A copy of the repository with what was built of it, so that a test can change it and build no more than it changed.

use std::{fs, io, path::Path, process::Command};

use mainstay_tests::root;
use tempfile::TempDir;

/// What rustc writes once and replaces as a whole: linked rather than copied, which saves gigabytes.
const LINKED: [&str; 4] = ["rlib", "rmeta", "so", "dylib"];

/// The copy. It is removed with this value.
pub struct Checkout(TempDir);

impl Checkout {
    /// Copies what a checkout of the repository holds, and what was built of the dependencies and of the platform. Cargo tells
    /// what is out of date by the times of files, which are those of the originals.
    pub fn copy() -> Self {
        // On the file system of the target directory, for the links.
        let folder =
            TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("there is room for a copy");
        let unwanted =
            |name: &str| name.starts_with(".git") || name == "target" || name == "node_modules";
        copy_folder(&root(), folder.path(), &|path| {
            !path
                .file_name()
                .is_some_and(|name| unwanted(&name.to_string_lossy()))
        });

        copy_built(&folder.path().join("target"));
        Self(folder)
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes these folders again what they are in the repository. Cargo takes them for changed, as they are.
    pub fn restore(&self, folders: &[&str]) {
        for folder in folders {
            let copy = self.path().join(folder);
            fs::remove_dir_all(&copy).expect("a folder is removed");
            copy_folder(&root().join(folder), &copy, &|_| true);
            touch(&copy);
        }
    }

    /// Runs cargo there.
    ///
    /// # Panics
    /// With what it printed, when it fails.
    pub fn cargo(&self, arguments: &[&str], variables: &[(&str, &str)]) {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(arguments)
            .current_dir(self.path())
            .envs(variables.iter().copied());
        // What this run was told of its own package is not the copy's.
        for (name, _) in std::env::vars()
            .filter(|(name, _)| name.starts_with("CARGO_PKG") || name.starts_with("CARGO_MANIFEST"))
        {
            command.env_remove(name);
        }
        command.env_remove("CARGO_TARGET_DIR");

        let output = command.output().expect("cargo runs");
        assert!(
            output.status.success(),
            "cargo {}:\n{}\n{}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn copy_built(target: &Path) {
    let profile = std::env::current_exe().expect("a test is a program");
    let profile = profile
        .ancestors()
        .nth(2)
        .expect("it is in the folder of a profile");
    let copy = target.join(profile.file_name().expect("the folder has a name"));

    for folder in [".fingerprint", "build"] {
        copy_folder(&profile.join(folder), &copy.join(folder), &|_| true);
    }
    copy_folder(&profile.join("deps"), &copy.join("deps"), &|path| {
        path.extension()
            .is_some_and(|end| end == "d" || LINKED.iter().any(|linked| end == *linked))
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

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let linked = from
        .extension()
        .is_some_and(|end| LINKED.iter().any(|linked| end == *linked));
    if linked && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }

    fs::copy(from, to)?;
    let times = fs::FileTimes::new().set_modified(fs::metadata(from)?.modified()?);
    fs::File::options().write(true).open(to)?.set_times(times)
}

/// Writes every file below a folder again, so that its time is that of now.
fn touch(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder is read") {
        let path = entry.expect("a folder is read").path();
        if path.is_dir() {
            touch(&path);
        } else {
            let bytes = fs::read(&path).expect("a file is read");
            fs::write(&path, bytes).expect("a file is written");
        }
    }
}
