//! When each key of the ring was first used with this database; the keys themselves have no dates.

use mainstay_kernel::Timestamp;
use sea_query::Value;

use crate::{Database, Error, statement::Statement};

const FIRST_SEEN: &str = "SELECT first_seen_at FROM mainstay.root_keys WHERE id = $1";

const NOTE: &str = r"
    INSERT INTO mainstay.root_keys (id)
    SELECT unnest($1::bytea[])
    ON CONFLICT (id) DO NOTHING
";

impl Database {
    /// When the primary of the ring was first used with this database, by the database's clock.
    /// Notes new keys.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn primary_first_seen(&self) -> Result<Timestamp, Error> {
        let ids: Vec<Vec<u8>> = self.ring().key_ids().map(|(_, id)| id.to_vec()).collect();
        let primary: Value = ids.first().cloned().unwrap_or_default().into();
        let first_seen =
            || Statement::new("root_keys.first_seen", FIRST_SEEN, vec![primary.clone()]);

        let mut rows = self.read(first_seen()).await?;
        if rows.is_empty() {
            self.write(Statement::new("root_keys.note", NOTE, vec![ids.into()]))
                .await?;
            rows = self.read(first_seen()).await?;
        }

        rows.first().ok_or(Error::NotFound)?.get(0)
    }
}
