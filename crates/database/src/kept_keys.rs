//! The data keys that a process keeps unwrapped for a while.

use std::time::Duration;

use mainstay_crypto::DataKey;
use mainstay_kernel::{Clock, Timestamp, Uuid};
use moka::sync::Cache;

/// How many unwrapped data keys a process keeps, and for how long.
const MOST: u64 = 20_000;
const LIFETIME: Duration = Duration::from_secs(300);

/// Unwrapped data keys by row, so that a patch of a row that was just read seals without asking for its key.
///
/// A key is given out for its lifetime by the service's clock, however often it was asked for; one that nobody asks for is
/// let go by the machine's. The last reference that is dropped wipes it.
pub(crate) struct KeptKeys {
    keys: Cache<Uuid, (Timestamp, DataKey)>,
    clock: Clock,
}

impl KeptKeys {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            keys: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(LIFETIME)
                .build(),
            clock,
        }
    }

    /// The key of a row, if it was kept less than its lifetime ago.
    pub(crate) fn get(&self, row: Uuid) -> Option<DataKey> {
        let (since, key) = self.keys.get(&row)?;
        // A clock that was set back tells nothing of how old a key is.
        let age = Duration::try_from(self.clock.now().inner() - since.inner());
        if age.is_ok_and(|age| age < LIFETIME) {
            return Some(key);
        }
        self.forget(row);
        None
    }

    pub(crate) fn insert(&self, row: Uuid, key: DataKey) {
        self.keys.insert(row, (self.clock.now(), key));
    }

    pub(crate) fn forget(&self, row: Uuid) {
        self.keys.invalidate(&row);
    }
}

#[cfg(test)]
mod tests {
    use mainstay_crypto::KeyRing;
    use mainstay_kernel::Random;
    use time::Duration as Span;

    use super::*;

    fn kept() -> (KeptKeys, Clock) {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH + Span::days(20_000));
        (KeptKeys::new(clock.clone()), clock)
    }

    fn key() -> DataKey {
        let random = Random::default();
        let ring = KeyRing::parse(&KeyRing::generate(&random)).unwrap();
        ring.new_data_key(&random, Uuid::nil(), Uuid::nil()).0
    }

    #[test]
    fn no_more_than_the_bound_are_kept() {
        let (kept, _) = kept();
        let (key, rows) = (key(), 1..=u128::from(MOST) + 5_000);
        for row in rows.clone() {
            kept.insert(Uuid::from_u128(row), key.clone());
        }

        kept.keys.run_pending_tasks();
        let found = rows
            .filter(|row| kept.get(Uuid::from_u128(*row)).is_some())
            .count();

        // Those that had to go are not counted as kept, and those that stayed are given out.
        assert_eq!(u64::try_from(found).unwrap(), kept.keys.entry_count());
        assert!((1..=MOST).contains(&kept.keys.entry_count()), "{found}");
    }

    #[test]
    fn a_key_is_given_out_for_its_lifetime_and_no_longer() {
        let (kept, clock) = kept();
        let row = Uuid::from_u128(1);
        kept.insert(row, key());

        // To ask for it does not prolong it.
        for _ in 0..4 {
            clock.advance(Span::minutes(1));
            assert!(kept.get(row).is_some());
        }

        clock.advance(Span::minutes(1) - Span::microseconds(1));
        assert!(kept.get(row).is_some());

        clock.advance(Span::microseconds(1));
        assert!(kept.get(row).is_none());

        // It is gone, and not only withheld.
        kept.keys.run_pending_tasks();
        assert_eq!(kept.keys.entry_count(), 0);
        assert_eq!(
            kept.keys.policy().time_to_live(),
            Some(LIFETIME),
            "nor does one stay that nobody asks for"
        );
    }

    #[test]
    fn a_clock_that_was_set_back_prolongs_nothing() {
        let (kept, clock) = kept();
        let row = Uuid::from_u128(1);
        kept.insert(row, key());
        clock.advance(Span::seconds(-1));
        assert!(kept.get(row).is_none());
    }

    #[test]
    fn a_key_that_is_forgotten_is_not_given_out() {
        let (kept, _) = kept();
        let row = Uuid::from_u128(1);
        kept.insert(row, key());
        assert!(kept.get(row).is_some());
        kept.forget(row);
        assert!(kept.get(row).is_none());
    }
}
