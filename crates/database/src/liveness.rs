//! Decides which idle connections are still alive, based on the failures of other connections.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// What the failure of one connection says about the other connections to the same server.
///
/// If a connection breaks or times out, the idle ones are probably dead, too, and each would cost a
/// request its full timeout to find out. They are closed. If a statement was only dropped, because
/// its client went away or a deadline passed, they are pinged before they are used again.
#[derive(Clone, Default)]
pub(crate) struct Liveness(Arc<Mutex<Times>>);

#[derive(Default)]
struct Times {
    broke: Option<Instant>,
    suspected: Option<Instant>,
}

/// How to treat an idle connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assessment {
    /// Use it.
    Alive,
    /// Ping it before use.
    Suspect,
    /// Close it.
    Dead,
}

impl Liveness {
    /// Notes that a connection broke or timed out.
    pub(crate) fn broke(&self) {
        self.lock().broke = Some(Instant::now());
    }

    /// Notes that a statement was dropped before it was answered.
    pub(crate) fn suspected(&self) {
        self.lock().suspected = Some(Instant::now());
    }

    /// The verdict on a connection that last responded at `heard`.
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
    fn only_failures_after_the_last_response_count() {
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
