//! Runs Argon2 on blocking threads, with limits on concurrency and waiting callers, and with reused
//! memory.
//!
//! Allocating 19 MiB for each login would leave the allocator with a gigabyte after a thousand
//! logins. Instead, the buffers are kept, one per concurrent computation, and freed when nobody has
//! signed in for some seconds. A buffer contains the traces of the last password until the next one
//! overwrites them: wiping would cost a tenth of the computation, and the hash itself is in the
//! database.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use argon2::{Algorithm, Argon2, Block, Version};
use mainstay_kernel::{ExposeSecret, SecretString};
use tokio::{sync::Semaphore, task::spawn_blocking, time::sleep};

use super::{hash_error::HashError, stored::StoredHash};

/// How long buffers are kept without a computation.
const IDLE: Duration = Duration::from_secs(10);

/// What a [`PasswordHasher`](super::PasswordHasher) has done since it was created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Finished Argon2 computations.
    pub computations: u64,
    /// Computations that are running now.
    pub running: usize,
    /// Callers that are waiting.
    pub waiting: usize,
    /// The highest number of computations that ran at once.
    pub peak: usize,
    /// Allocated memory buffers; none some seconds after the last computation.
    pub buffers: usize,
}

#[derive(Clone)]
pub(super) struct Computer {
    /// One permit per caller, running or waiting. A caller without one is turned away.
    callers: Arc<Semaphore>,
    /// One permit per running computation.
    computations: Arc<Semaphore>,
    max_callers: usize,
    max_computations: usize,
    pub(super) shared: Arc<Shared>,
}

#[derive(Default)]
pub(super) struct Shared {
    /// The free buffers. The last one returned is reused first, so an idle service needs only one.
    buffers: Mutex<Vec<Vec<Block>>>,
    /// Whether a task waits to free them.
    is_watched: AtomicBool,
    computations: AtomicU64,
    running: AtomicUsize,
    peak: AtomicUsize,
    allocated: AtomicUsize,
}

impl Computer {
    pub(super) fn new(concurrency: usize, waiting: usize) -> Self {
        let max_computations = concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let max_callers = max_computations
            .saturating_add(waiting)
            .min(Semaphore::MAX_PERMITS);

        Self {
            callers: Arc::new(Semaphore::new(max_callers)),
            computations: Arc::new(Semaphore::new(max_computations)),
            max_callers,
            max_computations,
            shared: Arc::default(),
        }
    }

    /// The Argon2id output for `password`, with the salt, parameters and output length of
    /// `template`.
    pub(super) async fn compute(
        &self,
        password: &SecretString,
        template: &StoredHash,
    ) -> Result<Vec<u8>, HashError> {
        let caller = Arc::clone(&self.callers)
            .try_acquire_owned()
            .map_err(|_| HashError::Busy)?;
        let computation = Arc::clone(&self.computations)
            .acquire_owned()
            .await
            .map_err(|_| HashError::Interrupted)?;

        self.shared.free_when_idle();

        let shared = Arc::clone(&self.shared);
        let password = password.clone();
        let template = template.clone();

        spawn_blocking(move || {
            let output = shared.compute(&password, &template);
            // The thread holds the permits, not the caller: a caller who gives up must not make
            // room before the computation ends.
            drop((computation, caller));
            output
        })
        .await
        .map_err(|_| HashError::Interrupted)?
    }

    pub(super) fn statistics(&self) -> Statistics {
        let callers = self
            .max_callers
            .saturating_sub(self.callers.available_permits());
        let computations = self
            .max_computations
            .saturating_sub(self.computations.available_permits());

        Statistics {
            computations: self.shared.computations.load(Ordering::Relaxed),
            running: self.shared.running.load(Ordering::Relaxed),
            waiting: callers.saturating_sub(computations),
            peak: self.shared.peak.load(Ordering::Relaxed),
            buffers: self.shared.allocated.load(Ordering::Relaxed),
        }
    }
}

impl Shared {
    fn compute(
        &self,
        password: &SecretString,
        template: &StoredHash,
    ) -> Result<Vec<u8>, HashError> {
        let running = self.running.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(running, Ordering::Relaxed);

        let output = self.argon2id(password, template);

        self.running.fetch_sub(1, Ordering::Relaxed);
        self.computations.fetch_add(1, Ordering::Relaxed);

        output
    }

    fn argon2id(
        &self,
        password: &SecretString,
        template: &StoredHash,
    ) -> Result<Vec<u8>, HashError> {
        let params = template.parameters.params()?;
        let mut buffer = self.take_buffer();
        if buffer.len() < params.block_count() {
            buffer.resize(params.block_count(), Block::new());
        }

        let mut output = vec![0; template.output.len()];
        let result = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(
                password.expose_secret().as_bytes(),
                &template.salt,
                &mut output,
                &mut buffer,
            );

        self.buffers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(buffer);

        result.map(|()| output).map_err(|_| HashError::Parameters)
    }

    /// Starts the task that frees the buffers, unless it is running.
    fn free_when_idle(self: &Arc<Self>) {
        if self.is_watched.swap(true, Ordering::Relaxed) {
            return;
        }

        let shared = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let seen = shared.computations.load(Ordering::Relaxed);
                sleep(IDLE).await;
                if shared.free_unless_used(seen) {
                    break;
                }
            }
        });
    }

    /// Frees the buffers, unless there was a computation after the first `seen`, or one is running.
    pub(super) fn free_unless_used(&self, seen: u64) -> bool {
        let is_used = self.running.load(Ordering::Relaxed) > 0
            || self.computations.load(Ordering::Relaxed) != seen;
        if is_used {
            return false;
        }

        // Before the buffers are freed, so that a computation that starts now is watched again.
        self.is_watched.store(false, Ordering::Relaxed);
        let freed =
            std::mem::take(&mut *self.buffers.lock().unwrap_or_else(PoisonError::into_inner));
        self.allocated.fetch_sub(freed.len(), Ordering::Relaxed);

        true
    }

    fn take_buffer(&self) -> Vec<Block> {
        let free = self
            .buffers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();

        free.unwrap_or_else(|| {
            self.allocated.fetch_add(1, Ordering::Relaxed);
            Vec::new()
        })
    }
}
