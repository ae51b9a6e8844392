//! Transactions: a door whose statements happen together or not at all.

use std::ops::Deref;

use mainstay_access::Permission;

use crate::{Door, Error, statement::Statement};

/// A door whose statements happen together or not at all. For what one statement cannot do: `BEGIN` and `COMMIT` are a
/// round trip each.
///
/// ```ignore
/// let transaction = by.begin().await?;
/// transaction.insert(&order).await?;
/// transaction.insert_many(&lines).await?;
/// transaction.commit().await?;
/// ```
///
/// What goes [around](Door::unscoped) its door takes part in it, until it ends. Dropped without
/// [`commit`](Self::commit), it leaves nothing: it is rolled back, and its connection returns to the pool.
#[must_use = "a transaction that is not committed does nothing"]
pub struct Transaction<P>(Door<P>);

impl<P: Permission> Door<P> {
    /// Begins a transaction in the caller's name (`READ COMMITTED`).
    ///
    /// # Errors
    /// [`Error::Unavailable`] when no connection is free in time; [`Error::Internal`] within a transaction: one inside
    /// another would not end with it.
    pub async fn begin(&self) -> Result<Transaction<P>, Error> {
        if self.executor().is_transaction() {
            return Err(Error::internal(
                "a transaction is begun within a transaction",
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
    /// Makes everything that was done lasting.
    ///
    /// # Errors
    /// As the database answers; [`Error::OutcomeUnknown`] when nobody knows whether the transaction was committed.
    pub async fn commit(self) -> Result<(), Error> {
        self.write(Statement::new("commit", "COMMIT", Vec::new()).lasting())
            .await?;
        // Only now is the connection fit for somebody else.
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
