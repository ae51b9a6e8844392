//! Which idle connections are still alive, as far as their siblings tell.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// What one connection to a server says of its siblings.
///
/// When one breaks, or no answer comes on it, those that have not been heard from since are most likely dead too, and each
/// would cost a request its whole patience to find that out. They are given up instead. When a statement was merely dropped
/// (its client went away, a deadline passed), nobody knows, and they are asked before they are used again.
#[derive(Clone, Default)]
pub(crate) struct Liveness(Arc<Mutex<Times>>);

#[derive(Default)]
struct Times {
    broke: Option<Instant>,
    suspected: Option<Instant>,
}

/// What to make of a connection that has lain idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assessment {
    /// Use it.
    Alive,
    /// Ask whether it answers.
    Suspect,
    /// Close it.
    Dead,
}

impl Liveness {
    /// A connection broke, or no answer came on it.
    pub(crate) fn broke(&self) {
        self.lock().broke = Some(Instant::now());
    }

    /// A statement was dropped before it was answered.
    pub(crate) fn suspected(&self) {
        self.lock().suspected = Some(Instant::now());
    }

    /// What to make of a connection that was last heard from at `heard`.
    pub(crate) fn assess(&self, heard: Instant) -> Assessment {
        let times = self.lock();
        let is_before = |moment: Option<Instant>| moment.is_some_and(|moment| heard <= moment);

        if is_before(times.broke) {
            Assessment::Dead
        } else if is_before(times.suspected) {
            Assessment::Suspect
        } else {
            Assessment::Alive
        }
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_judged_by_what_happened_after_it_was_last_heard_from() {
        let liveness = Liveness::default();
        let before = Instant::now();
        assert_eq!(liveness.assess(before), Assessment::Alive);

        liveness.suspected();
        assert_eq!(liveness.assess(before), Assessment::Suspect);

        let heard_since = Instant::now() + std::time::Duration::from_millis(1);
        assert_eq!(liveness.assess(heard_since), Assessment::Alive);

        liveness.broke();
        assert_eq!(liveness.assess(before), Assessment::Dead);
        assert_eq!(
            liveness.assess(Instant::now() + std::time::Duration::from_millis(1)),
            Assessment::Alive
        );
    }
}
