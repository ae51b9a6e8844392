//! The clock that all replicas share: the database's.

use mainstay_kernel::Timestamp;
use time::Duration;

use crate::{Database, Error, statement::Statement};

impl Database {
    /// The present moment by the clock of the database. What one replica writes and another acts upon, such as the moment
    /// when something is over, goes by this clock: theirs may differ.
    ///
    /// Where a test sets the clock of the runtime, that one stands for the database's too.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn now(&self) -> Result<Timestamp, Error> {
        let clock = &self.runtime().clock;
        if clock.is_manual() {
            return Ok(clock.now());
        }

        self.their_time().await
    }

    /// How far the clock of this process is ahead of the database's; negative when it is behind. Half of the round trip's
    /// duration is uncertain.
    ///
    /// # Errors
    /// As the database answers.
    pub async fn clock_skew(&self) -> Result<Duration, Error> {
        let clock = &self.runtime().clock;

        let before = clock.now().inner();
        let theirs = self.their_time().await?.inner();
        let after = clock.now().inner();

        Ok(before + (after - before) / 2 - theirs)
    }

    async fn their_time(&self) -> Result<Timestamp, Error> {
        let rows = self
            .probe(Statement::new(
                "clock",
                "SELECT clock_timestamp()",
                Vec::new(),
            ))
            .await?;
        rows.first()
            .ok_or_else(|| Error::internal("a query without conditions has no row"))?
            .get(0)
    }
}
