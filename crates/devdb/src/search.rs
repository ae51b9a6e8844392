//! The directories where Postgres' programs may be, in order of preference.

use std::{
    cmp::Reverse,
    env, fs,
    path::{Path, PathBuf},
};

/// The directories of packages: `<parent>/<prefix><version>/<suffix>`.
const PACKAGES: [Package; 7] = [
    Package {
        parent: "/usr/lib/postgresql",
        prefix: "",
        suffix: "bin",
    }, // Debian, Ubuntu
    Package {
        parent: "/usr",
        prefix: "pgsql-",
        suffix: "bin",
    }, // Fedora, RHEL: postgresql.org's packages
    Package {
        parent: "/usr/libexec",
        prefix: "postgresql",
        suffix: "",
    }, // Alpine
    Package {
        parent: "/opt/homebrew/opt",
        prefix: "postgresql@",
        suffix: "bin",
    },
    Package {
        parent: "/usr/local/opt",
        prefix: "postgresql@",
        suffix: "bin",
    },
    Package {
        parent: "/home/linuxbrew/.linuxbrew/opt",
        prefix: "postgresql@",
        suffix: "bin",
    },
    Package {
        parent: "/Applications/Postgres.app/Contents/Versions",
        prefix: "",
        suffix: "bin",
    },
];

struct Package {
    parent: &'static str,
    prefix: &'static str,
    suffix: &'static str,
}

/// All directories to search: those of `PATH` with links resolved, then those of packages, newest
/// first.
pub(crate) fn directories() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let on_path =
        env::split_paths(&path).filter_map(|directory| home_of(&directory.join("initdb")));

    let mut all = Vec::new();
    for directory in on_path.chain(PACKAGES.iter().flat_map(Package::versions)) {
        if !all.contains(&directory) {
            all.push(directory);
        }
    }

    all
}

/// Describes the directories for a person.
pub(crate) fn described() -> String {
    let packages = PACKAGES.map(
        |Package {
             parent,
             prefix,
             suffix,
         }| format!("{parent}/{prefix}*/{suffix}"),
    );
    format!("PATH, {}", packages.join(", "))
}

impl Package {
    fn versions(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.parent) else {
            return Vec::new();
        };

        let mut found: Vec<(u32, PathBuf)> = entries
            .flatten()
            .filter_map(|entry| {
                let version = entry
                    .file_name()
                    .to_str()?
                    .strip_prefix(self.prefix)?
                    .parse()
                    .ok()?;
                Some((version, entry.path().join(self.suffix)))
            })
            .collect();

        found.sort_by_key(|(version, _)| Reverse(*version));

        found.into_iter().map(|(_, directory)| directory).collect()
    }
}

/// The real directory of `program`, because the entry in `PATH` is often a link.
fn home_of(program: &Path) -> Option<PathBuf> {
    Some(program.canonicalize().ok()?.parent()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_sorted_by_number_newest_first() {
        let parent = env::temp_dir().join(format!("mainstay-search-{}", std::process::id()));
        for name in ["pg-9", "pg-16", "pg-15", "pg-latest", "other"] {
            fs::create_dir_all(parent.join(name)).unwrap();
        }

        let package = Package {
            parent: parent.to_str().unwrap().to_owned().leak(),
            prefix: "pg-",
            suffix: "bin",
        };

        let found: Vec<_> = package.versions();
        fs::remove_dir_all(&parent).unwrap();
        assert_eq!(
            found,
            ["pg-16", "pg-15", "pg-9"].map(|name| parent.join(name).join("bin"))
        );
    }
}
