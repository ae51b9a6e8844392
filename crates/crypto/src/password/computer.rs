//! Runs Argon2 on blocking threads: bounded, with a bounded queue in front and memory that is used again.
//!
//! Allocating 19 MiB for each login would leave the allocator with a gigabyte after a thousand of them; the buffers are
//! kept instead, one for each computation that runs at once. A buffer holds what the last password left in it until the
//! next one overwrites it: wiping would cost a tenth of the computation, and the hash itself is in the database.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use argon2::{Algorithm, Argon2, Block, Version};
use mainstay_kernel::{ExposeSecret, SecretString};
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{hash_error::HashError, stored::StoredHash};

/// What a [`PasswordHasher`](super::PasswordHasher) has done since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Argon2 computations that were finished.
    pub computations: u64,
    /// Computations that run now.
    pub running: usize,
    /// Callers that wait for their turn.
    pub waiting: usize,
    /// The most that ever ran at once.
    pub peak: usize,
    /// Memory buffers that were allocated.
    pub buffers: usize,
}

#[derive(Clone)]
pub(super) struct Computer {
    /// A place in the queue or at work; without one the caller is turned away.
    places: Arc<Semaphore>,
    /// A turn at work.
    turns: Arc<Semaphore>,
    /// How many places there are, and how many turns.
    most: (usize, usize),
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// The buffers that nobody uses. The last one returned is taken first, so an idle service needs one only.
    buffers: Mutex<Vec<Vec<Block>>>,
    computations: AtomicU64,
    running: AtomicUsize,
    peak: AtomicUsize,
    allocated: AtomicUsize,
}

impl Computer {
    pub(super) fn new(concurrency: usize, waiting: usize) -> Self {
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let places = concurrency
            .saturating_add(waiting)
            .min(Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            turns: Arc::new(Semaphore::new(concurrency)),
            most: (places, concurrency),
            shared: Arc::default(),
        }
    }

    /// Argon2id of `password` with the salt and parameters of `like`, and of the length of its output.
    pub(super) async fn compute(
        &self,
        password: &SecretString,
        like: &StoredHash,
    ) -> Result<Vec<u8>, HashError> {
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_| HashError::Busy)?;
        let turn = Arc::clone(&self.turns)
            .acquire_owned()
            .await
            .map_err(|_| HashError::Interrupted)?;

        let (shared, password, like) = (Arc::clone(&self.shared), password.clone(), like.clone());

        spawn_blocking(move || {
            let output = shared.compute(&password, &like);
            // Held by the computation, not by the caller: one who goes away does not make room before the work is done.
            drop((turn, place));
            output
        })
        .await
        .map_err(|_| HashError::Interrupted)?
    }

    pub(super) fn statistics(&self) -> Statistics {
        let taken = self.most.0.saturating_sub(self.places.available_permits());
        let at_work = self.most.1.saturating_sub(self.turns.available_permits());
        Statistics {
            computations: self.shared.computations.load(Ordering::Relaxed),
            running: self.shared.running.load(Ordering::Relaxed),
            waiting: taken.saturating_sub(at_work),
            peak: self.shared.peak.load(Ordering::Relaxed),
            buffers: self.shared.allocated.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn compute(&self, password: &SecretString, like: &StoredHash) -> Result<Vec<u8>, HashError> {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(running, Ordering::Relaxed);
        let output = self.argon2id(password, like);
        self.running.fetch_sub(1, Ordering::Relaxed);
        self.computations.fetch_add(1, Ordering::Relaxed);
        output
    }

    fn argon2id(&self, password: &SecretString, like: &StoredHash) -> Result<Vec<u8>, HashError> {
        let params = like.parameters.params()?;
        let mut buffer = self.take_buffer();
        if buffer.len() < params.block_count() {
            buffer.resize(params.block_count(), Block::new());
        }

        let mut output = vec![0; like.output.len()];
        let outcome = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                password.expose_secret().as_bytes(),
                &like.salt,
                &mut output,
                &mut buffer,
            );

        self.buffers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(buffer);

        outcome.map(|()| output).map_err(|_| HashError::Parameters)
    }

    fn take_buffer(&self) -> Vec<Block> {
        let kept = self
            .buffers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        kept.unwrap_or_else(|| {
            self.allocated.fetch_add(1, Ordering::Relaxed);
            Vec::new()
        })
    }
}
