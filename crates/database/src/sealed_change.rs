//! Changes whose values are sealed under the data key of an account.

use mainstay_crypto::{Cell, Personal, Sealed};

use crate::{Change, Error, OwnKey, Precondition, Row, Sql};

impl Sql {
    /// Makes a [`Change`] that writes values sealed under the data key of an account. `make` seals
    /// them under the given key. The clauses must change something only if `held` has a row. It has
    /// none if the account has got another key since `key` was read; then the values are sealed
    /// again under the new key.
    ///
    /// The account keeps its key while the statement runs.
    ///
    /// # Errors
    /// The error of the database or of `make`.
    pub async fn change_sealed(
        &self,
        key: &OwnKey,
        make: impl Fn(&HeldKey<'_>) -> Result<Change, Error>,
    ) -> Result<Vec<Row>, Error> {
        let mut held = HeldKey {
            sql: self,
            key: key.clone(),
        };

        for _ in 0..2 {
            let rows = self
                .change(make(&held)?.given([held.precondition()]))
                .await?;
            if !rows.is_empty() {
                return Ok(rows);
            }
            match self.key_instead_of(&held.key).await? {
                Some(other) => held.key = other,
                None => return Ok(rows),
            }
        }

        Err(Error::Contended)
    }

    /// The data key of an account, if it differs from the known one.
    async fn key_instead_of(&self, known: &OwnKey) -> Result<Option<OwnKey>, Error> {
        const FIND: &str = r"
            SELECT k.id, k.wrapped
            FROM mainstay.users u
            JOIN mainstay.data_keys k ON k.id = u.data_key
            WHERE u.id = $1 AND k.id <> $2
        ";

        let rows = self
            .select(
                "users.data_key",
                FIND,
                [known.subject.into(), known.id.into()],
            )
            .await?;

        let read = |row: &Row| {
            Ok(OwnKey {
                id: row.get(0)?,
                subject: known.subject,
                wrapped: row.get(1)?,
            })
        };

        rows.first().map(read).transpose()
    }
}

/// The data key of an account to seal under. Only [`Sql::change_sealed`] provides it, so that
/// the account still has it when the sealed values are written.
pub struct HeldKey<'a> {
    sql: &'a Sql,
    key: OwnKey,
}

impl HeldKey<'_> {
    /// The account still has this key when the change is made.
    fn precondition(&self) -> Precondition {
        Precondition::data_key(self.key.subject, self.key.id)
    }

    /// Seals a value for a cell.
    ///
    /// # Errors
    /// [`Error::Internal`] if the key cannot be unwrapped.
    pub fn seal<T: Personal>(&self, cell: &Cell<'_>, value: &Sealed<T>) -> Result<Vec<u8>, Error> {
        let random = &self.sql.database().runtime().random;
        Ok(value.seal(&self.sql.unwrap(&self.key, cell)?, random, cell))
    }
}
