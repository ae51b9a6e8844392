//! A copy of the repository with its build output, so that a test can change it and build only the
//! change.

use std::{fs, io, path::Path, process::Command};

use mainstay_tests::root;
use tempfile::TempDir;

/// Extensions of files that rustc replaces as a whole: they are linked, not copied, which saves
/// gigabytes.
const LINKED: [&str; 4] = ["rlib", "rmeta", "so", "dylib"];

/// The copy. It is removed with this value.
pub struct Checkout(TempDir);

impl Checkout {
    /// Copies the sources, and the build output of the dependencies and of the platform. Cargo
    /// detects changes by file times, which the copies keep.
    pub fn copy() -> Self {
        // Links require the file system of the target directory.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))
            .expect("the temporary directory is created");
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

    /// Restores these folders from the repository. Cargo sees them as changed.
    pub fn restore(&self, folders: &[&str]) {
        for folder in folders {
            let copy = self.path().join(folder);
            fs::remove_dir_all(&copy).expect("the folder is removed");
            copy_folder(&root().join(folder), &copy, &|_| true);
            touch(&copy);
        }
    }

    /// Runs cargo in the copy.
    ///
    /// # Panics
    /// When cargo fails, with its output.
    pub fn cargo(&self, arguments: &[&str], variables: &[(&str, &str)]) {
        let mut command = Command::new(env!("CARGO"));
        command
            .args(arguments)
            .current_dir(self.path())
            .envs(variables.iter().copied());
        // Removes this package's own variables from the environment of the copy.
        for (name, _) in std::env::vars()
            .filter(|(name, _)| name.starts_with("CARGO_PKG") || name.starts_with("CARGO_MANIFEST"))
        {
            command.env_remove(name);
        }
        command
            .env_remove("CARGO_TARGET_DIR")
            // Set by the test runner in CI; build scripts would see it as a change.
            .env_remove("RUSTC_BOOTSTRAP");

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
    let profile = std::env::current_exe().expect("a test has a path");
    let profile = profile
        .ancestors()
        .nth(2)
        .expect("the test is in a profile's folder");
    let copy = target.join(
        profile
            .file_name()
            .expect("the profile's folder has a name"),
    );

    for folder in [".fingerprint", "build"] {
        copy_folder(&profile.join(folder), &copy.join(folder), &|_| true);
    }
    copy_folder(&profile.join("deps"), &copy.join("deps"), &|path| {
        path.extension()
            .is_some_and(|end| end == "d" || LINKED.iter().any(|linked| end == *linked))
    });
}

fn copy_folder(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    fs::create_dir_all(to).expect("the folder is created");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("the folder is read");
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

/// Rewrites every file below a folder, so that it has the current time.
fn touch(folder: &Path) {
    for entry in fs::read_dir(folder).expect("the folder is read") {
        let path = entry.expect("the folder is read").path();
        if path.is_dir() {
            touch(&path);
        } else {
            let bytes = fs::read(&path).expect("the file is read");
            fs::write(&path, bytes).expect("the file is written");
        }
    }
}
