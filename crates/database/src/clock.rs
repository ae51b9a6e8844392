//! The database's clock, which all replicas share.

use mainstay_kernel::Timestamp;
use time::Duration;

use crate::{Database, Error, statement::Statement};

impl Database {
    /// The current time by the database's clock. Use it for times that one replica writes and
    /// another acts on, such as expiry, because the clocks of replicas may differ.
    ///
    /// If a test sets the runtime's clock, returns that time.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn now(&self) -> Result<Timestamp, Error> {
        let clock = &self.runtime().clock;
        if clock.is_manual() {
            return Ok(clock.now());
        }

        self.clock_timestamp().await
    }

    /// How far the clock of this process is ahead of the database's; negative if it is behind.
    /// Accurate to half a round trip.
    ///
    /// # Errors
    /// The error of the database.
    pub async fn clock_skew(&self) -> Result<Duration, Error> {
        let clock = &self.runtime().clock;

        let before = clock.now().inner();
        let database = self.clock_timestamp().await?.inner();
        let after = clock.now().inner();

        Ok(before + (after - before) / 2 - database)
    }

    async fn clock_timestamp(&self) -> Result<Timestamp, Error> {
        let rows = self
            .probe(Statement::new(
                "clock",
                "SELECT clock_timestamp()",
                Vec::new(),
            ))
            .await?;

        rows.first()
            .ok_or_else(|| Error::internal("SELECT clock_timestamp() returned no row"))?
            .get(0)
    }
}
