//! The parts that all rotations share: their context and their batches.

use mainstay_crypto::{DataKey, KeyRing};
use mainstay_kernel::{Runtime, Uuid};
use sea_query::Value;

use crate::{Error, Origin, Owner, Row, statement::Statement};

/// The context of a rotation: connection, keys, clock, and origin for the audit log.
pub(super) struct Context {
    pub(super) owner: Owner,
    pub(super) ring: KeyRing,
    pub(super) runtime: Runtime,
    pub(super) origin: Origin,
}

impl Context {
    pub(super) async fn run(
        &mut self,
        text: String,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, Error> {
        self.owner
            .execute(Statement::new(
                "keys.rotation",
                text,
                values.into_iter().collect(),
            ))
            .await
    }

    pub(super) async fn count(
        &mut self,
        text: String,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, Error> {
        let rows = self.run(text, values).await?;
        let row = rows
            .first()
            .ok_or_else(|| Error::internal("a count returned no row"))?;
        Ok(u64::try_from(row.decode::<i64>(0)?).unwrap_or_default())
    }

    /// Unwraps a data key.
    pub(super) fn unwrap(
        &self,
        id: i64,
        organization: Uuid,
        subject: Uuid,
        wrapped: &[u8],
    ) -> Result<DataKey, Error> {
        self.ring
            .unwrap(id, organization, subject, wrapped)
            .map_err(Error::internal)
    }

    /// The ID of the primary key, as stored in the data that it produced.
    pub(super) fn primary(&self) -> Value {
        let id = self.ring.key_ids().next().map(|(_, id)| id.to_vec());
        Value::Bytes(id)
    }

    /// The IDs of all keys of the ring.
    pub(super) fn ids(&self) -> Value {
        self.ring
            .key_ids()
            .map(|(_, id)| id.to_vec())
            .collect::<Vec<_>>()
            .into()
    }
}

/// Moves one kind of rows.
pub(super) trait Mover {
    /// The table, for progress reports.
    fn table(&self) -> &'static str;
    /// The number of rows left to move.
    async fn count(&self, context: &mut Context) -> Result<u64, Error>;
    /// Moves the next batch; `None` at the end of a pass.
    async fn batch(&mut self, context: &mut Context, size: u32) -> Result<Option<Batch>, Error>;
    /// Starts another pass.
    fn rewind(&mut self);
}

/// The result of a batch.
#[derive(Clone, Copy, Default)]
pub(super) struct Batch {
    pub(super) seen: usize,
    pub(super) moved: usize,
    pub(super) refused: usize,
}

/// The SQL expression for the ID of the key that produced the value in `column`: bytes 1 to 4 of
/// wrapped keys, private columns and blind indexes.
pub(super) fn key_in(column: &str) -> String {
    format!("substring({column} FROM 2 FOR 4)")
}
