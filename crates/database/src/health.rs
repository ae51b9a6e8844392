//! The checks that a database must pass before a service can use it.

use mainstay_kernel::Uuid;

use crate::{Database, Error, Row, SchemaVersion, statement::Statement};

/// The state of the database that decides whether a service is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Schema version.
    pub schema: SchemaVersion,
    /// Whether the key ring can decrypt a stored data key; `true` if there is none.
    pub keys_open: bool,
    /// Whether the server accepts writes; a standby does not.
    pub takes_writes: bool,
}

impl Database {
    /// Checks the state of the database, on a connection of the pool or, if the pool is exhausted,
    /// on the one for health checks.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if Postgres does not respond; [`Error::Internal`] if the schema does
    /// not exist.
    pub async fn health(&self) -> Result<Health, Error> {
        let text = r"
            SELECT (SELECT coalesce(max(version), 0) FROM mainstay.schema_history),
                (SELECT coalesce(max(version), 0) FROM public.refinery_schema_history),
                current_setting('transaction_read_only') = 'off', k.*
            FROM (SELECT) one
            LEFT JOIN (
                SELECT id, organization_id, subject_id, wrapped
                FROM mainstay.data_keys
                LIMIT 1
            ) k ON true
        ";
        let rows = self
            .probe(Statement::new("health", text, Vec::new()))
            .await?;
        let row = rows
            .first()
            .ok_or_else(|| Error::internal("the health check returned no row"))?;

        let health = Health {
            schema: SchemaVersion {
                platform: row.get(0)?,
                app: row.get(1)?,
            },
            takes_writes: row.get(2)?,
            keys_open: self.opens(row)?,
        };

        if !health.takes_writes {
            // The address may lead to another server now.
            self.forget_connections();
        }

        Ok(health)
    }

    fn opens(&self, row: &Row) -> Result<bool, Error> {
        let Some(id) = row.get::<Option<i64>>(3)? else {
            return Ok(true);
        };

        let (organization, subject): (Uuid, Uuid) = (row.get(4)?, row.get(5)?);
        Ok(self
            .ring()
            .unwrap(id, organization, subject, &row.get::<Vec<u8>>(6)?)
            .is_ok())
    }
}
