//! When work beside requests last succeeded.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// When work beside requests last succeeded: a worker that has claimed nothing for long does not work, whatever its
/// connection for health checks says.
#[derive(Clone, Debug)]
pub struct Pulse {
    work: &'static str,
    most: Duration,
    last: Arc<Mutex<Instant>>,
}

impl Pulse {
    /// The pulse of `work` that succeeds at least every `most`. It starts now.
    pub fn new(work: &'static str, most: Duration) -> Self {
        Self {
            work,
            most,
            last: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Notes that the work has just succeeded.
    pub fn beat(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether it has succeeded as lately as it must.
    pub fn is_alive(&self) -> bool {
        self.last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
            <= self.most
    }

    /// The work's name.
    pub fn work(&self) -> &'static str {
        self.work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_has_not_succeeded_for_too_long_is_not_alive() {
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
