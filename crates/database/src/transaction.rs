//! Transactions: doors whose statements commit together or not at all.

use std::ops::Deref;

use mainstay_kernel::Id;

use crate::{
    Authenticated, Authority, Door, Entity, Error, WrittenBy, entity_statements::statements,
    statement::Statement,
};

/// A door whose statements are committed together or not at all: see [`Door::transaction`].
///
/// [Hand-written statements](Door::sql) through it take part in the transaction until it ends.
pub struct Transaction<A: Authority>(Door<A>);

/// A transaction that is not committed yet. Dropping it rolls it back, unless it was committed, and returns
/// its connection to the pool.
struct OpenTransaction<A: Authority>(Door<A>);

impl<A: Authenticated> Door<A> {
    /// Runs `work` in a transaction (`READ COMMITTED`), and commits it if that succeeds. If `work`
    /// fails, panics or is dropped, the transaction is rolled back.
    ///
    /// Use it only if one statement is not enough: beginning and committing each take a round trip,
    /// and rows stay locked until the end.
    ///
    /// ```ignore
    /// by.transaction(async |tx| -> Result<(), Problem> {
    ///     tx.insert(&order).await?;
    ///     tx.insert_many(&lines).await?;
    ///     Ok(())
    /// })
    /// .await?;
    /// ```
    ///
    /// If Postgres rolls the transaction back in favour of another (40001, 40P01), nothing of it
    /// has happened, and `work` runs once more. So it must change nothing but through `tx`.
    ///
    /// # Errors
    /// The error of `work`; [`Error::Unavailable`] if no connection is free in time;
    /// [`Error::OutcomeUnknown`] if the transaction may have been committed; [`Error::Internal`]
    /// within a transaction, because transactions cannot be nested.
    pub async fn transaction<T, F: From<Error>>(
        &self,
        work: impl AsyncFnOnce(Transaction<A>) -> Result<T, F> + Clone,
    ) -> Result<T, F> {
        match self.attempt(work.clone()).await {
            Err(Failed::Aborted(_)) => {
                tracing::info!("Postgres rolled a transaction back; repeating it");
                self.attempt(work).await.map_err(Failed::into_inner)
            }
            outcome => outcome.map_err(Failed::into_inner),
        }
    }

    async fn attempt<T, F: From<Error>>(
        &self,
        work: impl AsyncFnOnce(Transaction<A>) -> Result<T, F>,
    ) -> Result<T, Failed<F>> {
        let open = self.begin().await.map_err(Failed::of)?;

        match work(Transaction(open.0.clone())).await {
            Ok(done) => open.commit().await.map(|()| done).map_err(Failed::of),
            Err(error) if open.0.executor().was_aborted() => Err(Failed::Aborted(error)),
            Err(error) => Err(Failed::Otherwise(error)),
        }
    }

    async fn begin(&self) -> Result<OpenTransaction<A>, Error> {
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

        Ok(OpenTransaction(self.on(lease)))
    }
}

/// Why a transaction failed.
enum Failed<F> {
    /// Postgres rolled it back in favour of another.
    Aborted(F),
    Otherwise(F),
}

impl<F: From<Error>> Failed<F> {
    fn of(error: Error) -> Self {
        match error {
            Error::Aborted => Self::Aborted(error.into()),
            other => Self::Otherwise(other.into()),
        }
    }

    fn into_inner(self) -> F {
        match self {
            Self::Aborted(error) | Self::Otherwise(error) => error,
        }
    }
}

impl<A: Authority> OpenTransaction<A> {
    async fn commit(self) -> Result<(), Error> {
        self.0
            .write(Statement::new("commit", "COMMIT", Vec::new()).lasting())
            .await?;

        // Only now can the connection be used again.
        if let Some(lease) = self.0.executor().end().await {
            lease.give_back();
        }
        Ok(())
    }
}

impl<A: Authority> Drop for OpenTransaction<A> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<A: Authenticated> Transaction<A> {
    /// Reads one row and locks it until the transaction ends (`FOR UPDATE`): no one else changes or
    /// deletes it meanwhile.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the caller reaches no such row.
    pub async fn get_for_update<E>(&self, id: Id<E>) -> Result<E, Error>
    where
        E: Entity<Scope: WrittenBy<A, E>>,
    {
        let text = format!("{} FOR UPDATE OF t", statements::<E>().find);
        let rows = self.find(id, text).await?;
        self.decode(rows.first().ok_or(Error::NotFound)?)
    }
}

impl<A: Authority> Deref for Transaction<A> {
    type Target = Door<A>;

    fn deref(&self) -> &Door<A> {
        &self.0
    }
}
