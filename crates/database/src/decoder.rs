//! Reads entities from rows. Unlike a door, a decoder can be sent to a blocking thread.

use mainstay_crypto::DataKey;
use mainstay_kernel::Uuid;

use crate::{
    Database, Entity, Error, Opening, Row, database::StoredDataKey, entity_statements::sealed,
};

/// Reads and decrypts rows of one owner.
pub(crate) struct Decoder {
    pub(crate) database: Database,
    pub(crate) owner: Uuid,
}

impl Decoder {
    /// Reads an entity from a row that was selected with
    /// [`Statements::selected`](crate::Statements).
    pub(crate) fn decode<E: Entity>(&self, row: &Row) -> Result<E, Error> {
        let id: Uuid = row.decode(0)?;
        let key = if sealed::<E>() {
            Some(self.unwrap(id, row, E::COLUMNS.len())?)
        } else {
            None
        };

        self.decode_under(row, key.as_ref())
    }

    /// Reads an entity with its data key.
    pub(crate) fn decode_under<E: Entity>(
        &self,
        row: &Row,
        key: Option<&DataKey>,
    ) -> Result<E, Error> {
        let id: Uuid = row.decode(0)?;
        let opening = Opening {
            key,
            organization: self.owner,
            table: E::TABLE,
            row: id,
        };

        E::read(row, &opening)
    }

    /// Unwraps the data key of a row, whose ID, wrapped form and subject are the columns from
    /// `position` on.
    pub(crate) fn unwrap(&self, id: Uuid, row: &Row, position: usize) -> Result<DataKey, Error> {
        let wrapped = StoredDataKey {
            id: row.decode(position)?,
            bytes: row.decode(position + 1)?,
            subject: row.decode(position + 2)?,
        };

        self.database.unwrap(self.owner, id, &wrapped)
    }
}
