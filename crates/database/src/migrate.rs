//! The owner's connection: migrations and what an operator does to the schema. The serving process never opens one.

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
    schema_migrations::newest,
    statement::{Patience, Statement},
};

pub use refinery_core::{Migration, Runner as Migrations};

/// Waits for other migrators for as long as they take. Any number will do, as long as every migrator takes the same.
const ADVISORY_LOCK: &str = "SET lock_timeout = 0; SELECT pg_advisory_lock(7218340961)";

/// From then on no lock is waited for longer: behind a migration that waits for a table, every request to it waits too.
/// Shorter than a statement of the service may take, so that those requests are late and not refused.
const LOCK_TIMEOUT: &str = "SET lock_timeout = '3s'";

/// The platform's history is in it, so it is there before the first migration.
const PLATFORM_SCHEMA: &str = "CREATE SCHEMA IF NOT EXISTS mainstay";

/// The serving role reads both histories for its health check.
const SHOW_HISTORIES: &str =
    "GRANT SELECT ON mainstay.schema_history, public.refinery_schema_history TO mainstay_server";

const UNLOCK: &str = "RESET lock_timeout; SELECT pg_advisory_unlock_all()";

/// How often a migration is tried that does not get a lock.
const ATTEMPTS: u32 = 6;

/// How long the traffic that has waited behind it gets, before it is tried again; so much more each time.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// SQLSTATE of a lock that was not had in time (`lock_not_available`), and of a deadlock.
const NO_LOCK: [&str; 2] = ["55P03", "40P01"];

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection as the role that owns the schema.
pub struct Owner(PgConnection);

/// What became of the schema.
#[derive(Debug)]
pub struct Migrated {
    /// The migrations that were applied, as in `platform V1__keys` and `app V1__customers`; none where the schema was up
    /// to date, or ahead.
    pub applied: Vec<String>,
    /// The version at which the schema is now: later than the last migration of this program, where a newer one was
    /// there before.
    pub version: SchemaVersion,
}

/// What became of one sequence of migrations.
struct Sequence {
    applied: Vec<String>,
    version: i32,
}

/// Why the schema was not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database did not answer, or refused.
    #[error(transparent)]
    Database(#[from] Error),
    /// A migration failed, or those applied are not those of this program. Each runs in a transaction: a failed one
    /// left nothing.
    #[error("the migrations were not applied")]
    Migration(#[from] refinery_core::Error),
    /// A migration did not get a lock, however often it was tried. It left nothing.
    #[error(
        "a migration did not get a lock within {ATTEMPTS} attempts: another session holds it in a transaction that does not \
         end. Find it (SELECT pid, state, xact_start, query FROM pg_stat_activity ORDER BY xact_start), end it, then run \
         `migrate` again"
    )]
    Locked(#[source] refinery_core::Error),
}

impl Owner {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres cannot be reached or does not prove its name.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, Error> {
        // A migration takes as long as it takes; how long it waits for a lock, the role says.
        let limits = Limits::OfSession {
            statement_timeout: Duration::ZERO,
            lock_timeout: None,
        };
        url.connect(limits)
            .await
            .map(Self)
            .map_err(Error::of_connecting)
    }

    /// Applies those migrations of `schema` that are missing, the platform's before the app's, one migrator at a time. One
    /// that does not get a lock within three seconds steps aside for a while, and is tried six times.
    ///
    /// A schema that is ahead is left as it is: migrations only go forward, and keep the release before them running.
    ///
    /// # Errors
    /// [`MigrationError`]; the migrations before the failed one stay applied.
    pub async fn migrate(&mut self, schema: &SchemaMigrations) -> Result<Migrated, MigrationError> {
        self.0.execute(ADVISORY_LOCK).await.map_err(Error::from)?;
        self.0.execute(LOCK_TIMEOUT).await.map_err(Error::from)?;

        let migrated = self.apply(schema).await;
        // The lock ends with the session at the latest.
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
                // Those before it stay applied, and are not among the missing ones any more.
                Err(error) => {
                    applied.extend(error.report().into_iter().flat_map(names));
                    tracing::warn!(attempt, attempts = ATTEMPTS, %error, "a migration did not get a lock");
                    sleep(BETWEEN_ATTEMPTS * attempt).await;
                }
            }
        }

        Ok(Sequence {
            applied,
            version: newest,
        })
    }

    /// A schema that is ahead must have all of `migrations`. What was applied was compared in order, so that up to the first
    /// unknown one it is what this program has.
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
    /// As the database answers.
    pub async fn run(
        &mut self,
        text: &'static str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        self.execute(Statement::new("owner", text, values.into_iter().collect()))
            .await
    }

    /// Runs a statement that this room has built.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<Vec<Row>, Error> {
        statement.run(&mut self.0, Patience::without_end()).await
    }

    /// Says goodbye, so that the server need not find out.
    pub async fn close(self) {
        // A connection that does not close in order is closed all the same.
        drop(timeout(FAREWELL, self.0.close()).await);
    }
}

fn names(report: &refinery_core::Report) -> impl Iterator<Item = String> {
    report.applied_migrations().iter().map(ToString::to_string)
}

/// Whether a migration failed for want of a lock: sooner or later it gets it.
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

/// Whether what was refused is a migration that came after the `newest` of this program.
fn is_of_newer(error: &refinery_core::Error, newest: i32) -> bool {
    matches!(error.kind(), Kind::MissingVersion(unknown) if unknown.version() > newest)
}

/// refinery's driver traits over a connection of sqlx.
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
