//! When background work last succeeded.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// When background work last succeeded. A worker that has not claimed jobs for a long time is not
/// ready, even if its health checks succeed.
#[derive(Clone, Debug)]
pub struct Pulse {
    work: &'static str,
    most: Duration,
    last: Arc<Mutex<Instant>>,
}

impl Pulse {
    /// Creates the pulse of `work` that must succeed at least every `most`, starting now.
    pub fn new(work: &'static str, most: Duration) -> Self {
        Self {
            work,
            most,
            last: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Notes that the work has succeeded.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether the work has succeeded recently enough.
    pub fn is_alive(&self) -> bool {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
            <= self.most
    }

    /// Name of the work.
    pub fn work(&self) -> &'static str {
        self.work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_has_not_succeeded_recently_is_not_alive() {
        assert!(Pulse::new("claims", Duration::from_secs(3_600)).is_alive());

        let pulse = Pulse::new("claims", Duration::ZERO);
        std::thread::sleep(Duration::from_millis(1));
        assert!(!pulse.is_alive());
        let patient = Pulse {
            most: Duration::from_secs(3_600),
            ..pulse
        };
        patient.beat();
        assert!(patient.is_alive());
    }
}
