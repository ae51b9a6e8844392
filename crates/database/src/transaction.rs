//! Transactions: doors whose statements commit together or not at all.

use std::ops::Deref;

use mainstay_access::Permission;

use crate::{Door, Error, statement::Statement};

/// A door whose statements are committed together or not at all. Use it only if one statement is
/// not enough: `BEGIN` and `COMMIT` each take a round trip.
///
/// ```ignore
/// let transaction = by.begin().await?;
/// transaction.insert(&order).await?;
/// transaction.insert_many(&lines).await?;
/// transaction.commit().await?;
/// ```
///
/// [Unscoped](Door::unscoped) access through its door takes part in the transaction until it ends.
/// Dropping it without [`commit`](Self::commit) rolls it back and returns its connection to the
/// pool.
#[must_use = "a transaction that is not committed does nothing"]
pub struct Transaction<P>(Door<P>);

impl<P: Permission> Door<P> {
    /// Starts a transaction in the caller's name (`READ COMMITTED`).
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no connection is free in time; [`Error::Internal`] within a
    /// transaction, because transactions cannot be nested.
    pub async fn begin(&self) -> Result<Transaction<P>, Error> {
        if self.executor().is_transaction() {
            return Err(Error::internal(
                "a transaction cannot be started within a transaction",
            ));
        }

        let mut lease = self.database().lease().await?;
        self.database()
            .run_on(&mut lease, Statement::new("begin", "BEGIN", Vec::new()))
            .await?;
        lease.in_transaction();

        Ok(Transaction(self.on(lease)))
    }
}

impl<P: Permission> Transaction<P> {
    /// Commits the transaction.
    ///
    /// # Errors
    /// The error of the database; [`Error::OutcomeUnknown`] if the transaction may have been
    /// committed.
    pub async fn commit(self) -> Result<(), Error> {
        self.write(Statement::new("commit", "COMMIT", Vec::new()).lasting())
            .await?;

        // Only now can the connection be used again.
        if let Some(lease) = self.executor().end().await {
            lease.give_back();
        }
        Ok(())
    }
}

impl<P> Drop for Transaction<P> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<P> Deref for Transaction<P> {
    type Target = Door<P>;

    fn deref(&self) -> &Door<P> {
        &self.0
    }
}
