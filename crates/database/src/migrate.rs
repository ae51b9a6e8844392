//! The owner's connection: migrations and what an operator does to the schema. The serving process never opens one.

use std::time::Duration;

use refinery_core::{
    AsyncMigrate,
    traits::r#async::{AsyncQuery, AsyncTransaction},
};
use sea_query::Value;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _, postgres::PgConnection};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{DatabaseUrl, Error, Row, statement::Statement};

pub use refinery_core::{Migration, Runner as Migrations};

/// Any number will do, as long as every migrator takes the same.
const ADVISORY_LOCK: &str = "SELECT pg_advisory_lock(7218340961)";

/// A migration takes as long as it takes.
const STATEMENT_TIMEOUT: Duration = Duration::ZERO;

/// A connection as the role that owns the schema.
pub struct Owner(PgConnection);

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
}

impl Owner {
    /// Connects.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres cannot be reached or does not prove its name.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self, Error> {
        url.connect(STATEMENT_TIMEOUT).await.map(Self)
    }

    /// Applies those `migrations` that are missing, one migrator at a time, and gives their names.
    ///
    /// # Errors
    /// [`MigrationError`]; the migrations before the failed one stay applied.
    pub async fn migrate(&mut self, migrations: &Migrations) -> Result<Vec<String>, MigrationError> {
        self.0.execute(ADVISORY_LOCK).await.map_err(Error::from)?;
        let report = migrations.run_async(&mut Adapter(&mut self.0)).await;
        // The lock ends with the session at the latest.
        self.0.execute("SELECT pg_advisory_unlock_all()").await.map_err(Error::from)?;
        self.0.execute("GRANT SELECT ON refinery_schema_history TO mainstay_server").await.map_err(Error::from)?;
        Ok(report?.applied_migrations().iter().map(ToString::to_string).collect())
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
        self.execute(Statement::new("owner", text, values.into_iter().collect())).await
    }

    /// Runs a statement that this room has built.
    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<Vec<Row>, Error> {
        statement.run(&mut self.0).await
    }

    /// Says goodbye, so that the server need not find out.
    pub async fn close(self) {
        // A connection that does not close in order is closed all the same.
        drop(self.0.close().await);
    }
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
                    OffsetDateTime::parse(&applied_on, &Rfc3339).map_err(|error| sqlx::Error::Decode(error.into()))?,
                    checksum.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
                ))
            })
            .collect()
    }
}

impl AsyncMigrate for Adapter<'_> {}
