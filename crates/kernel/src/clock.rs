//! The clock.

use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::Timestamp;

/// A source of the current time: the system, or a value that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// Creates a clock that stays at `now` until [`advance`](Self::advance) moves it.
    pub fn manual(now: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(Mutex::new(now))))
    }

    /// The current time in UTC, in whole microseconds, the precision of Postgres's `timestamptz`.
    pub fn now(&self) -> Timestamp {
        #[expect(
            clippy::disallowed_methods,
            reason = "the only place that reads the system's clock"
        )]
        let now = match &self.0 {
            Source::System => Timestamp::from(OffsetDateTime::now_utc()),
            Source::Manual(moment) => *moment.lock().unwrap_or_else(PoisonError::into_inner),
        };

        now - Duration::nanoseconds(i64::from(now.inner().nanosecond() % 1_000))
    }

    /// Whether it only moves by [`advance`](Self::advance).
    pub fn is_manual(&self) -> bool {
        matches!(self.0, Source::Manual(_))
    }

    /// Moves a manual clock forward. Has no effect on the system's clock.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(moment) = &self.0 {
            let mut moment = moment.lock().unwrap_or_else(PoisonError::into_inner);
            *moment = *moment + by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_advanced() {
        let start = Timestamp::UNIX_EPOCH;
        let clock = Clock::manual(start);
        assert_eq!(clock.now(), clock.now());

        clock.advance(Duration::minutes(10));
        assert_eq!(clock.now(), start + Duration::minutes(10));
    }

    #[test]
    fn the_time_has_the_precision_of_postgres() {
        assert_eq!(Clock::default().now().inner().nanosecond() % 1_000, 0);
    }
}
