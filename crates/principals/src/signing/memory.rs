//! The cached signing keys, and when they are read again.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::{Duration, Instant},
};

use mainstay_database::{Database, Error, Origin, Sql};
use moka::sync::Cache;
use tokio::sync::Mutex;

use super::{
    key::{Key, KeyId},
    making,
    set::SigningKeys,
    store,
    stored::StoredKey,
};
use crate::unlimited::SIGNING_KEYS;

/// How long the cache is trusted after the last announcement or poll, as for principals.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Minimum time between two reads that are caused by unknown key names: invented names cause at
/// most one read a second.
const PAUSE: Duration = Duration::from_secs(1);

/// Maximum number of names that are remembered as unknown, and for how long.
const UNKNOWN_NAMES: u64 = 10_000;
const UNKNOWN_FOR: Duration = Duration::from_secs(600);

/// The cached signing keys.
///
/// They are read on first use, so that a service can start without its database. They are read
/// again when the database announces a change ([`forget`](Self::forget)), when announcements do not
/// arrive, and when a token names an unknown key.
pub(crate) struct KeyMemory {
    pub(crate) database: Database,
    /// The age at which a key is replaced.
    pub(crate) lifetime: time::Duration,
    cached: RwLock<Cached>,
    /// Locked while the keys are read, so that all callers wait for one read.
    gate: Mutex<Gate>,
    /// Names are digests, so a name that is unknown once stays unknown.
    unknown_ids: Cache<KeyId, ()>,
}

#[derive(Default)]
struct Cached {
    set: Arc<SigningKeys>,
    /// When the read that returned the set started.
    read_at: Option<Instant>,
    /// The latest time at which the set is known to be current; `None` after a change.
    current_at: Option<Instant>,
    changes: u64,
}

#[derive(Default)]
struct Gate {
    tried: Option<Instant>,
    failed: Option<Instant>,
}

/// A read in progress.
pub(crate) struct Reading {
    started: Instant,
    changes: u64,
}

impl KeyMemory {
    pub(crate) fn new(database: Database, lifetime: time::Duration) -> Self {
        let unknown_ids = Cache::builder()
            .max_capacity(UNKNOWN_NAMES)
            .time_to_live(UNKNOWN_FOR)
            .build();

        Self {
            database,
            lifetime,
            cached: RwLock::default(),
            gate: Mutex::default(),
            unknown_ids,
        }
    }

    /// Returns the keys, from memory while the cache is trusted.
    ///
    /// # Errors
    /// The error of the database.
    pub(crate) async fn current(&self) -> Result<Arc<SigningKeys>, Error> {
        let trusted = {
            let cached = self.read_lock();
            cached
                .current_at
                .is_some_and(|at| at.elapsed() <= TRUSTED_FOR)
                .then(|| cached.set.clone())
        };

        match trusted {
            Some(set) => Ok(set),
            None => self.read_since(Instant::now(), Duration::ZERO).await,
        }
    }

    /// Finds the key with this name. A key that is not cached may be new, so it is looked up in the
    /// database, if necessary after a [`PAUSE`]: a valid token is never refused because a replica
    /// lags behind.
    ///
    /// # Errors
    /// The error of the database.
    pub(crate) async fn find(&self, id: KeyId) -> Result<Option<Arc<Key>>, Error> {
        let asked = Instant::now();
        let now = || self.database.runtime().clock.now();

        if let Some(key) = self.current().await?.find(id, now()) {
            return Ok(Some(key.clone()));
        }
        if self.unknown_ids.contains_key(&id) {
            return Ok(None);
        }

        let found = self
            .read_since(asked, PAUSE)
            .await?
            .find(id, now())
            .cloned();
        if found.is_none() {
            self.unknown_ids.insert(id, ());
        }

        Ok(found)
    }

    /// The cached keys, regardless of their age; `None` before the first read.
    pub(crate) fn remembered(&self) -> Option<Arc<SigningKeys>> {
        let cached = self.read_lock();
        cached.read_at.map(|_| cached.set.clone())
    }

    /// Marks the cache as stale after a change.
    pub(crate) fn forget(&self) {
        let mut cached = self.write_lock();
        cached.changes += 1;
        cached.current_at = None;
    }

    /// Records that every change announced before `when` was received.
    pub(crate) fn confirm(&self, when: Instant) {
        let mut cached = self.write_lock();
        cached.current_at = cached.current_at.map(|before| before.max(when));
    }

    /// Starts a read on the caller's own connection; `None` if the cache is current. Pass the
    /// result to [`keep`](Self::keep).
    pub(crate) fn needs_reading(&self) -> Option<Reading> {
        let cached = self.read_lock();
        cached.current_at.is_none().then(|| Reading {
            started: Instant::now(),
            changes: cached.changes,
        })
    }

    /// Caches the keys that were read. They are not trusted if they changed during the read, and
    /// are dropped if a later read has already finished.
    pub(crate) fn keep(&self, reading: Reading, stored: &[StoredKey]) -> Arc<SigningKeys> {
        let set = Arc::new(SigningKeys::open(stored, self.database.ring()));

        let mut cached = self.write_lock();
        if cached.read_at.is_some_and(|at| at > reading.started) {
            return cached.set.clone();
        }

        let gone = cached
            .set
            .ids()
            .filter(|old| set.ids().all(|new| new != *old));
        gone.for_each(|id| self.unknown_ids.insert(id, ()));

        if set.unreadable != cached.set.unreadable {
            tracing::error!(keys = ?set.unreadable, "signing keys cannot be opened; check the key ring");
        }

        cached.set = set.clone();
        cached.read_at = Some(reading.started);
        cached.current_at = (cached.changes == reading.changes).then_some(reading.started);

        set
    }

    /// Statements for the service's own work.
    pub(crate) fn sql(&self, operation: &'static str) -> Sql {
        let request = self.database.runtime().new_id::<Origin>().uuid();
        let origin = Origin {
            request,
            operation,
            address: None,
        };

        Sql::unlimited(SIGNING_KEYS, &self.database, origin, None)
    }

    /// Returns the keys from a read that started after `asked`, its own or another caller's, and at
    /// least `pause` after the previous read.
    async fn read_since(&self, asked: Instant, pause: Duration) -> Result<Arc<SigningKeys>, Error> {
        let mut gate = loop {
            let gate = self.gate.lock().await;
            if let Some(set) = self.read_after(asked) {
                return Ok(set);
            }
            if gate.failed.is_some_and(|at| at >= asked) {
                return Err(Error::Unavailable(
                    "the signing keys could not be read".into(),
                ));
            }

            let wait = gate
                .tried
                .map(|tried| tried + pause)
                .filter(|until| *until > Instant::now());
            let Some(until) = wait else { break gate };

            // A caller that need not wait goes first, and its read serves this one too.
            drop(gate);
            tokio::time::sleep_until(until.into()).await;
        };

        // Recorded before and after the read: a caller that is cancelled in between has tried, but
        // has no result to share.
        let started = Instant::now();
        gate.tried = Some(started);

        let result = self.read().await;
        gate.failed = result.is_err().then_some(started);

        result
    }

    /// The cached keys, if they were read after `asked`.
    fn read_after(&self, asked: Instant) -> Option<Arc<SigningKeys>> {
        let cached = self.read_lock();
        cached
            .read_at
            .is_some_and(|at| at >= asked)
            .then(|| cached.set.clone())
    }

    /// Reads the keys, and creates the first one if there is none.
    async fn read(&self) -> Result<Arc<SigningKeys>, Error> {
        let sql = self.sql("read_signing_keys");
        let start = || Reading {
            started: Instant::now(),
            changes: self.write_lock().changes,
        };

        let (mut reading, mut stored) = (start(), store::list(&sql).await?);
        if stored.is_empty() {
            store::make(&sql, making::first()).await?;
            (reading, stored) = (start(), store::list(&sql).await?);
        }

        Ok(self.keep(reading, &stored))
    }

    fn read_lock(&self) -> RwLockReadGuard<'_, Cached> {
        self.cached.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_lock(&self) -> RwLockWriteGuard<'_, Cached> {
        self.cached.write().unwrap_or_else(PoisonError::into_inner)
    }
}
