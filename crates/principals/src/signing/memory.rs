//! The signing keys that this process knows, and when they are read again.

use std::{
    sync::{Arc, PoisonError, RwLock, RwLockWriteGuard},
    time::{Duration, Instant},
};

use mainstay_database::{Database, Error, Origin, Row, Unscoped};
use moka::sync::Cache;
use tokio::sync::Mutex;

use super::{
    key::{Key, KeyId},
    making,
    set::SigningKeys,
    store,
    stored::Stored,
};

/// How long ago the announcements may have been heard for memory to be believed: as for principals.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// At least so far apart are two readings of the keys for the sake of a name that nobody knows: whoever makes up names
/// makes the database read them once a second, however many there are.
const PAUSE: Duration = Duration::from_secs(1);

/// Names that are known to belong to no key, at most, and for how long.
const KEPT_NAMES: u64 = 10_000;
const KEPT_FOR: Duration = Duration::from_secs(600);

/// The keys that this process knows of.
///
/// They are read when they are needed first, so that a service starts without its database, and anew when the database
/// announces a change ([`forget`](Self::forget)), when announcements are not heard, and when a token names a key that is
/// not among them.
pub(crate) struct KeyMemory {
    pub(crate) database: Database,
    /// The age at which a key is followed by another.
    pub(crate) lifetime: time::Duration,
    held: RwLock<Held>,
    /// Held by whoever reads the keys, so that all who need them wait for one reading.
    gate: Mutex<Gate>,
    /// A name is a digest: what the keys did not have when it was asked for, they will never have.
    unknown_ids: Cache<KeyId, ()>,
}

#[derive(Default)]
struct Held {
    set: Arc<SigningKeys>,
    /// When the reading began that gave the set.
    read_at: Option<Instant>,
    /// Until when the set is known to be true; `None` after a change.
    true_at: Option<Instant>,
    changes: u64,
}

#[derive(Default)]
struct Gate {
    tried: Option<Instant>,
    failed: Option<Instant>,
}

/// A reading that has begun.
pub(crate) struct Reading {
    began: Instant,
    changes: u64,
}

impl KeyMemory {
    pub(crate) fn new(database: Database, lifetime: time::Duration) -> Self {
        let unknown_ids = Cache::builder()
            .max_capacity(KEPT_NAMES)
            .time_to_live(KEPT_FOR)
            .build();
        Self {
            database,
            lifetime,
            held: RwLock::default(),
            gate: Mutex::default(),
            unknown_ids,
        }
    }

    /// The keys, from memory where it can be believed.
    ///
    /// # Errors
    /// As the database answers.
    pub(crate) async fn current(&self) -> Result<Arc<SigningKeys>, Error> {
        let believed = {
            let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
            held.true_at
                .is_some_and(|at| at.elapsed() <= BELIEVED_FOR)
                .then(|| held.set.clone())
        };
        match believed {
            Some(set) => Ok(set),
            None => self.read_since(Instant::now(), Duration::ZERO).await,
        }
    }

    /// The key of this name. One that is not in memory may be so new that nothing was heard of it yet, so it is looked
    /// for in the database, if need be after a [`PAUSE`]: a token of ours is never refused because a replica lags.
    ///
    /// # Errors
    /// As the database answers.
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

    /// What is in memory, however old it is; `None` before anything was read.
    pub(crate) fn remembered(&self) -> Option<Arc<SigningKeys>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.read_at.map(|_| held.set.clone())
    }

    /// The keys have changed.
    pub(crate) fn forget(&self) {
        let mut held = self.write();
        held.changes += 1;
        held.true_at = None;
    }

    /// Every change that was announced before `when` has been heard.
    pub(crate) fn heard_until(&self, when: Instant) {
        let mut held = self.write();
        held.true_at = held.true_at.map(|before| before.max(when));
    }

    /// To be called before the keys are read elsewhere; `None` when there is no need to. [`keep`](Self::keep) takes the
    /// answer.
    pub(crate) fn needs_reading(&self) -> Option<Reading> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.true_at.is_none().then(|| Reading {
            began: Instant::now(),
            changes: held.changes,
        })
    }

    /// Remembers what was read. It is not believed if something changed meanwhile, and not even kept if a later reading
    /// was faster.
    ///
    /// # Errors
    /// When the rows are not those of [`LIST`](store::LIST).
    pub(crate) fn keep(&self, reading: Reading, rows: &[Row]) -> Result<Arc<SigningKeys>, Error> {
        let stored = rows
            .iter()
            .map(Stored::read)
            .collect::<Result<Vec<_>, _>>()?;
        let set = Arc::new(SigningKeys::open(&stored, self.database.ring()));
        let mut held = self.write();
        if held.read_at.is_some_and(|at| at > reading.began) {
            return Ok(held.set.clone());
        }

        let gone = held
            .set
            .ids()
            .filter(|old| set.ids().all(|new| new != *old));
        gone.for_each(|id| self.unknown_ids.insert(id, ()));

        if set.unreadable != held.set.unreadable {
            tracing::error!(keys = ?set.unreadable, "signing keys cannot be used: is it the right key ring?");
        }

        held.set = set.clone();
        held.read_at = Some(reading.began);
        held.true_at = (held.changes == reading.changes).then_some(reading.began);

        Ok(set)
    }

    /// Goes around the door for work that the service does by itself.
    pub(crate) fn by_itself(&self, operation: &'static str) -> Unscoped {
        let request = self.database.runtime().new_id::<Origin>().uuid();
        let origin = Origin {
            request,
            operation,
            address: None,
        };

        Unscoped::because(
            "signing keys are the service's, not an organization's",
            &self.database,
            origin,
            None,
        )
    }

    /// The keys as they are in a reading that began after `asked`, which may be somebody else's, and at least `pause`
    /// after the one before.
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

            // Whoever need not wait comes first, and its reading is as good.
            drop(gate);
            tokio::time::sleep_until(until.into()).await;
        };

        // Noted before and after: whoever goes away in the middle has asked, but has no answer for the others.
        let began = Instant::now();
        gate.tried = Some(began);

        let answer = self.read().await;
        gate.failed = answer.is_err().then_some(began);

        answer
    }

    /// What is in memory, if it was read after `asked`.
    fn read_after(&self, asked: Instant) -> Option<Arc<SigningKeys>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.read_at
            .is_some_and(|at| at >= asked)
            .then(|| held.set.clone())
    }

    /// Reads the keys; makes the first where there is none.
    async fn read(&self) -> Result<Arc<SigningKeys>, Error> {
        let unscoped = self.by_itself("read_signing_keys");
        let reading = || Reading {
            began: Instant::now(),
            changes: self.write().changes,
        };
        let (mut begun, mut rows) = (reading(), store::list(&unscoped).await?);
        if rows.is_empty() {
            store::make(&unscoped, making::first()).await?;
            (begun, rows) = (reading(), store::list(&unscoped).await?);
        }
        self.keep(begun, &rows)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Held> {
        self.held.write().unwrap_or_else(PoisonError::into_inner)
    }
}
