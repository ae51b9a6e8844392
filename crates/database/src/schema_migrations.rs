//! The two sequences of migrations that make a schema, and the version of a database in each.

use std::fmt;

pub use refinery_core::{Migration, Runner as Migrations};

/// The table that records the platform's applied migrations. Those of the app are in refinery's own
/// table.
const PLATFORM_HISTORY: &str = "mainstay.schema_history";

/// The migrations of a service: those of the platform and those of the app.
///
/// They are two sequences, each with its own history and with versions from 1, so that an upgrade
/// of the platform can add migrations without conflicting with the app's version numbers.
pub struct SchemaMigrations {
    platform: Migrations,
    app: Migrations,
}

/// The last migration of each sequence that a database has applied, or that a build contains; 0 for
/// none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// Of the platform.
    pub platform: i32,
    /// Of the app.
    pub app: i32,
}

impl SchemaMigrations {
    /// The schema of an `app` and its `platform`, from migrations that
    /// `refinery::embed_migrations!` has embedded.
    pub fn new(mut platform: Migrations, app: Migrations) -> Self {
        platform.set_migration_table_name(PLATFORM_HISTORY);
        Self { platform, app }
    }

    /// The platform's migrations.
    pub fn platform(&self) -> &Migrations {
        &self.platform
    }

    /// The app's migrations.
    pub fn app(&self) -> &Migrations {
        &self.app
    }

    /// The number of migrations.
    pub fn count(&self) -> usize {
        self.platform.get_migrations().len() + self.app.get_migrations().len()
    }

    /// The version of a database to which all migrations were applied.
    pub fn version(&self) -> SchemaVersion {
        SchemaVersion {
            platform: newest(self.platform.get_migrations()),
            app: newest(self.app.get_migrations()),
        }
    }
}

impl SchemaVersion {
    /// Whether this version lacks a migration that `needed` has.
    pub fn is_behind(self, needed: Self) -> bool {
        self.platform < needed.platform || self.app < needed.app
    }

    /// Whether this version has all migrations of `known`, and more.
    pub fn is_ahead_of(self, known: Self) -> bool {
        self != known && !self.is_behind(known)
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "platform {}, app {}", self.platform, self.app)
    }
}

/// The version of the last migration, or 0.
pub(crate) fn newest(migrations: &[Migration]) -> i32 {
    migrations.iter().map(Migration::version).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn version(platform: i32, app: i32) -> SchemaVersion {
        SchemaVersion { platform, app }
    }

    #[test]
    fn a_schema_is_behind_when_either_sequence_is() {
        let build = version(15, 3);
        for behind in [
            version(14, 3),
            version(15, 2),
            version(16, 2),
            version(0, 0),
        ] {
            assert!(
                behind.is_behind(build) && !behind.is_ahead_of(build),
                "{behind}"
            );
        }

        for ahead in [version(16, 3), version(15, 4), version(16, 4)] {
            assert!(
                !ahead.is_behind(build) && ahead.is_ahead_of(build),
                "{ahead}"
            );
        }

        assert!(!build.is_behind(build) && !build.is_ahead_of(build));
    }

    #[test]
    fn a_version_names_both_sequences() {
        assert_eq!(version(15, 3).to_string(), "platform 15, app 3");
    }
}
