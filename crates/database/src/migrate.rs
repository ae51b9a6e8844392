//! The connection of the schema's owner, for migrations and operator commands. A serving process
//! never opens it.

use std::{error::Error as _, time::Duration};

use refinery_core::{
    AsyncMigrate,
    error::Kind,
    traits::r#async::{AsyncQuery, AsyncTransaction},
};
use sea_query::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, postgres::PgConnection};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::time::{sleep, timeout};

use crate::{
    DatabaseUrl, Error, Row, SchemaMigrations, SchemaVersion,
    connection::Limits,
    schema_migrations::{Migration, Migrations, newest},
    statement::{Patience, Statement},
};

/// Waits for other migrators without a timeout. The number is arbitrary, but the same in all of
/// them.
const ADVISORY_LOCK: &str = "SET lock_timeout = 0; SELECT pg_advisory_lock(7218340961)";

/// The timeout for all other locks. While a migration waits for a table lock, all requests to that
/// table wait, too. The timeout is shorter than that of statements, so these requests are delayed
/// but do not fail.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '3s'";

/// Created before the first migration, because it contains the platform's history.
const PLATFORM_SCHEMA: &str = "CREATE SCHEMA IF NOT EXISTS mainstay";

/// The serving role reads both histories in health checks.
const SHOW_HISTORIES: &str =
    "GRANT SELECT ON mainstay.schema_history, public.refinery_schema_history TO mainstay_server";

const UNLOCK: &str = "RESET lock_timeout; SELECT pg_advisory_unlock_all()";

/// Maximum number of attempts if a migration does not get a lock.
const ATTEMPTS: u32 = 6;

/// The delay before the second attempt, in which waiting requests proceed; it grows by the same
/// amount each time.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// SQLSTATEs of a lock timeout (`lock_not_available`) and a deadlock.
const NO_LOCK: [&str; 2] = ["55P03", "40P01"];

/// Timeout for closing the connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection as the role that owns the schema.
pub struct Owner(PgConnection);

/// The result of a migration.
#[derive(Debug)]
pub struct Migrated {
    /// Names of the applied migrations, such as `platform V1__keys` and `app V1__customers`; empty
    /// if the schema was up to date or newer.
    pub applied: Vec<String>,
    /// The schema version now; higher than that of this program if a newer release has migrated
    /// before.
    pub version: SchemaVersion,
}

/// The result of one sequence of migrations.
struct Sequence {
    applied: Vec<String>,
    version: i32,
}

/// Why the schema was not migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database is unavailable, or refused a statement.
    #[error(transparent)]
    Database(#[from] Error),
    /// A migration failed, or the applied migrations differ from those of this program. Each
    /// migration runs in a transaction, so a failed one changed nothing.
    #[error("the migrations were not applied")]
    Migration(#[from] refinery_core::Error),
    /// A migration did not get a lock in any attempt. It changed nothing.
    #[error(
        "a migration did not get a lock within {ATTEMPTS} attempts: another session holds it in a long transaction. \
         Find the session (SELECT pid, state, xact_start, query FROM pg_stat_activity ORDER BY xact_start), end it, \
         then run `migrate` again"
    )]
    Locked(#[source] refinery_core::Error),
}

impl Owner {
    /// Connects as the owner.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if Postgres cannot be reached or its certificate is not valid for its
    /// name.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, Error> {
        // A migration has no statement timeout. The role sets the lock timeout.
        let limits = Limits::OfSession {
            statement_timeout: Duration::ZERO,
            lock_timeout: None,
        };

        url.connect(limits)
            .await
            .map(Self)
            .map_err(Error::of_connecting)
    }

    /// Applies missing migrations of `schema`, the platform's before the app's, one migrator at a
    /// time. A migration that does not get a lock within three seconds is repeated after a delay,
    /// up to six attempts.
    ///
    /// A newer schema is left unchanged, because migrations only go forward and are compatible with
    /// the previous release.
    ///
    /// # Errors
    /// [`MigrationError`]. Migrations before the failed one stay applied.
    pub async fn migrate(&mut self, schema: &SchemaMigrations) -> Result<Migrated, MigrationError> {
        self.0.execute(ADVISORY_LOCK).await.map_err(Error::from)?;
        self.0.execute(LOCK_TIMEOUT).await.map_err(Error::from)?;

        let migrated = self.apply(schema).await;
        self.0.execute(UNLOCK).await.map_err(Error::from)?;
        let migrated = migrated?;

        self.0.execute(SHOW_HISTORIES).await.map_err(Error::from)?;

        Ok(migrated)
    }

    async fn apply(&mut self, schema: &SchemaMigrations) -> Result<Migrated, MigrationError> {
        self.0.execute(PLATFORM_SCHEMA).await.map_err(Error::from)?;

        let platform = self.apply_sequence(schema.platform()).await?;
        let app = self.apply_sequence(schema.app()).await?;

        let applied = [("platform", platform.applied), ("app", app.applied)]
            .into_iter()
            .flat_map(|(of, names)| names.into_iter().map(move |name| format!("{of} {name}")))
            .collect();

        Ok(Migrated {
            applied,
            version: SchemaVersion {
                platform: platform.version,
                app: app.version,
            },
        })
    }

    async fn apply_sequence(
        &mut self,
        migrations: &Migrations,
    ) -> Result<Sequence, MigrationError> {
        let newest = newest(migrations.get_migrations());
        let mut applied = Vec::new();
        for attempt in 1.. {
            match migrations.run_async(&mut Adapter(&mut self.0)).await {
                Ok(report) => {
                    applied.extend(names(&report));
                    break;
                }
                Err(error) if is_of_newer(&error, newest) => {
                    return self.compare(migrations, error).await;
                }
                Err(error) if !lacks_lock(&error) => return Err(error.into()),
                Err(error) if attempt == ATTEMPTS => return Err(MigrationError::Locked(error)),
                // The migrations before it stay applied, so the next attempt starts with this one.
                Err(error) => {
                    applied.extend(error.report().into_iter().flat_map(names));
                    tracing::warn!(attempt, attempts = ATTEMPTS, %error, "migration did not get a lock");
                    sleep(BETWEEN_ATTEMPTS * attempt).await;
                }
            }
        }

        Ok(Sequence {
            applied,
            version: newest,
        })
    }

    /// Checks that a newer schema has all of `migrations`. refinery compares them in order, so the
    /// applied ones are the same up to the first unknown one.
    async fn compare(
        &mut self,
        migrations: &Migrations,
        refused: refinery_core::Error,
    ) -> Result<Sequence, MigrationError> {
        let applied = migrations
            .get_applied_migrations_async(&mut Adapter(&mut self.0))
            .await?;

        if migrations
            .get_migrations()
            .iter()
            .all(|migration| applied.contains(migration))
        {
            Ok(Sequence {
                applied: Vec::new(),
                version: newest(&applied),
            })
        } else {
            Err(refused.into())
        }
    }

    /// Runs a static statement.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn run(
        &mut self,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        self.execute(Statement::new("owner", text, values.into_iter().collect()))
            .await
    }

    /// Runs a statement built by this crate.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<Vec<Row>, Error> {
        statement.run(&mut self.0, Patience::without_end()).await
    }

    /// Closes the connection gracefully.
    pub async fn close(self) {
        // On a timeout, dropping the connection closes it anyway.
        drop(timeout(CLOSE_TIMEOUT, self.0.close()).await);
    }
}

fn names(report: &refinery_core::Report) -> impl Iterator<Item = String> {
    report.applied_migrations().iter().map(ToString::to_string)
}

/// Whether a migration failed because it did not get a lock, so that it may succeed later.
fn lacks_lock(error: &refinery_core::Error) -> bool {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let codes = causes.filter_map(|cause| {
        cause
            .downcast_ref::<sqlx::Error>()?
            .as_database_error()?
            .code()
    });
    codes
        .into_iter()
        .any(|code| NO_LOCK.contains(&code.as_ref()))
}

/// Whether the error is an applied migration that is newer than the `newest` of this program.
fn is_of_newer(error: &refinery_core::Error, newest: i32) -> bool {
    matches!(error.kind(), Kind::MissingVersion(unknown) if unknown.version() > newest)
}

/// Implements refinery's driver traits for a connection of sqlx.
struct Adapter<'a>(&'a mut PgConnection);

impl AsyncTransaction for Adapter<'_> {
    type Error = sqlx::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, sqlx::Error> {
        let mut transaction = self.0.begin().await?;
        let mut count = 0;
        for query in queries {
            transaction.execute(AssertSqlSafe(query)).await?;
            count += 1;
        }
        transaction.commit().await?;

        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for Adapter<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, sqlx::Error> {
        let rows = self.0.fetch_all(AssertSqlSafe(query)).await?;
        rows.iter()
            .map(|row| {
                let applied_on: String = row.try_get(2)?;
                let checksum: String = row.try_get(3)?;
                Ok(Migration::applied(
                    row.try_get(0)?,
                    row.try_get(1)?,
                    OffsetDateTime::parse(&applied_on, &Rfc3339)
                        .map_err(|error| sqlx::Error::Decode(error.into()))?,
                    checksum
                        .parse()
                        .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
                ))
            })
            .collect()
    }
}

impl AsyncMigrate for Adapter<'_> {}
