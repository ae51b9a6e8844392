//! What a service must find in its database before it can serve.

use mainstay_kernel::Uuid;

use crate::{Database, Error, Row, SchemaVersion, statement::Statement};

/// What a service must find in its database before it can serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The version of the schema.
    pub schema: SchemaVersion,
    /// Whether the key ring opens what is stored: the newest data key, if there is one.
    pub keys_open: bool,
    /// Whether the server takes writes: a standby does not, and neither does one that is fenced off.
    pub takes_writes: bool,
}

impl Database {
    /// Looks whether the database is there, migrated, sealed under keys that this process has, and takes writes: as a
    /// request would find it, on a connection of the pool, unless all of them are in use.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when Postgres does not answer; [`Error::Internal`] when it was never migrated.
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
            .ok_or_else(|| Error::internal("a query without conditions has no row"))?;

        let health = Health {
            schema: SchemaVersion {
                platform: row.get(0)?,
                app: row.get(1)?,
            },
            takes_writes: row.get(2)?,
            keys_open: self.opens(row)?,
        };

        if !health.takes_writes {
            // The address may have moved to another server since these were opened.
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
