//! The log that a published checkpoint is compared with.

use mainstay_database::{Database, Error, FromRow, Origin, Sql, Uuid};

use crate::{
    checkpoint::Checkpoint,
    tree::{Frontier, Hash},
    unlimited::LOG,
};

/// The checkpoint of a size, and the number of leaves.
const STANDING: &str = r"
    SELECT (SELECT note FROM mainstay.audit_checkpoints WHERE size = $1) AS note,
        coalesce((SELECT max(index) + 1 FROM mainstay.audit_leaves), 0) AS leaves
";

const LEAVES: &str = r"
    SELECT hash
    FROM mainstay.audit_leaves
    WHERE index >= $1 AND index < $2
    ORDER BY index
    LIMIT 10000
";

/// The log in the database, to compare with published checkpoints.
pub(crate) struct Log(pub(crate) Database);

#[derive(FromRow)]
struct Standing {
    note: Option<String>,
    leaves: i64,
}

impl Log {
    /// Whether `published` is a prefix of the log: the log has that many leaves, and they have that
    /// root. Compares with the stored checkpoint of that size, or with the leaves if that
    /// checkpoint was deleted.
    ///
    /// # Errors
    /// The error of the database.
    pub(super) async fn begins_with(&self, published: &Checkpoint) -> Result<bool, Error> {
        let size = published.size.cast_signed();
        let sql = self.sql();
        let standing: Vec<Standing> = sql
            .query("audit_checkpoints.standing", STANDING, [size.into()])
            .await?;
        let standing = standing.into_iter().next().ok_or(Error::NotFound)?;

        if standing.leaves < size {
            return Ok(false);
        }
        if let Some(own) = standing.note.and_then(|note| Checkpoint::parse(&note).ok()) {
            return Ok(own.root == published.root);
        }

        Ok(self.root_at(&sql, size).await? == Some(published.root))
    }

    /// The root of the first `size` leaves; `None` if one is missing.
    async fn root_at(&self, sql: &Sql, size: i64) -> Result<Option<Hash>, Error> {
        let mut frontier = Frontier::default();
        while frontier.size().cast_signed() < size {
            let from = frontier.size().cast_signed();
            let hashes: Vec<Vec<u8>> = sql
                .query("audit_leaves.hashes", LEAVES, [from.into(), size.into()])
                .await?;
            if hashes.is_empty() {
                return Ok(None);
            }

            for hash in hashes {
                let Ok(hash) = hash.try_into() else {
                    return Ok(None);
                };
                frontier.push(hash);
            }
        }

        Ok(Some(frontier.root()))
    }

    fn sql(&self) -> Sql {
        let origin = Origin {
            request: Uuid::nil(),
            operation: "publish_checkpoint",
            address: None,
        };
        Sql::unlimited(LOG, &self.0, origin, None)
    }
}
