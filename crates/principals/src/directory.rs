//! The principals that this process has cached, by session, and the changes that make them stale.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use mainstay_access::Principal;
use mainstay_kernel::{SessionId, Timestamp, Uuid};

/// How long the cache is trusted after the last announcement or poll. With a poll every half
/// second, either a revocation is seen within a second or the cache is not used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Maximum number of cached principals. When it is reached, the cache is cleared.
const CAPACITY: usize = 100_000;

/// The principals that this process has cached, by session.
pub(crate) struct Directory {
    known: RwLock<HashMap<SessionId, Known>>,
    /// Counts invalidations, so that a principal that was loaded during one is not cached.
    invalidations: AtomicU64,
    received_until: RwLock<Option<Instant>>,
}

/// A principal, and what a credential of its session must match.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) principal: Arc<Principal>,
    /// Its role, if it works in an organization.
    pub(crate) role: Option<Uuid>,
    /// The member whose permissions a machine's credential depends on.
    pub(crate) sponsor: Option<Sponsor>,
    pub(crate) expires_at: Timestamp,
    /// SHA-256 of the secret: a browser's cookie, or an API key. `None` for a token, which is
    /// verified by its signature.
    pub(crate) secret_hash: Option<Vec<u8>>,
    /// When it expires unless it is used; `None` if use does not extend it.
    pub(crate) idle_expires_at: Option<Timestamp>,
}

/// The member whose permissions a machine's credential depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sponsor {
    pub(crate) user: Uuid,
    /// The sponsor's role; `None` if the sponsor has left.
    pub(crate) role: Option<Uuid>,
}

impl Known {
    /// Whether `change` makes it stale.
    fn is_stale_after(&self, change: AccessChange) -> bool {
        match change {
            AccessChange::Session(session) => self.principal.session.uuid() == session,
            AccessChange::User(user) => {
                self.principal.user.uuid() == user
                    || self.sponsor.is_some_and(|sponsor| sponsor.user == user)
            }
            AccessChange::Role(role) => {
                self.role == Some(role)
                    || self
                        .sponsor
                        .is_some_and(|sponsor| sponsor.role == Some(role))
            }
            AccessChange::Everything => true,
        }
    }
}

/// A change that makes principals stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessChange {
    Session(Uuid),
    User(Uuid),
    Role(Uuid),
    /// Some announcements may have been missed.
    Everything,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            known: RwLock::default(),
            invalidations: AtomicU64::new(0),
            received_until: RwLock::new(None),
        }
    }

    /// Finds the principal of a session; `None` if it is not cached or the cache is not trusted at
    /// present.
    pub(crate) fn find(&self, session: SessionId) -> Option<Known> {
        let received_until = *self
            .received_until
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if received_until.is_none_or(|received| received.elapsed() > TRUSTED_FOR) {
            return None;
        }

        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&session)
            .cloned()
    }

    /// The number of invalidations so far. Call it before loading a principal, and pass the result
    /// to [`keep`](Self::keep).
    pub(crate) fn generation(&self) -> u64 {
        self.invalidations.load(Ordering::Acquire)
    }

    /// Caches a principal, unless there was an invalidation after `generation`: the principal may
    /// already be stale.
    pub(crate) fn keep(&self, generation: u64, known: Known) {
        let mut all = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation() != generation {
            return;
        }
        if all.len() >= CAPACITY {
            all.clear();
        }
        all.insert(known.principal.session, known);
    }

    /// Removes the principals that `change` makes stale.
    pub(crate) fn forget(&self, change: AccessChange) {
        let mut all = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.invalidations.fetch_add(1, Ordering::AcqRel);

        match change {
            AccessChange::Session(session) => drop(all.remove(&SessionId::from(session))),
            AccessChange::Everything => all.clear(),
            AccessChange::User(_) | AccessChange::Role(_) => {
                all.retain(|_, known| !known.is_stale_after(change))
            }
        }
    }

    /// Records that every announcement made before `when` was received.
    pub(crate) fn confirm(&self, when: Instant) {
        *self
            .received_until
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(when);
    }
}

impl std::str::FromStr for AccessChange {
    type Err = ();

    /// Parses `kind:key`, the database's announcement.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, key) = text.split_once(':').ok_or(())?;
        let key = Uuid::try_parse(key).map_err(|_| ())?;
        match kind {
            "session" => Ok(Self::Session(key)),
            "user" => Ok(Self::User(key)),
            "role" => Ok(Self::Role(key)),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use mainstay_access::{Assurance, Credential};
    use mainstay_kernel::Runtime;

    use super::*;

    fn known(runtime: &Runtime) -> Known {
        Known {
            principal: Arc::new(Principal {
                user: runtime.new_id(),
                organization: Some(runtime.new_id()),
                session: runtime.new_id(),
                credential: Credential::Token,
                role: "agent".to_owned(),
                permissions: Default::default(),
                assurance: Assurance {
                    authenticated_at: runtime.clock.now(),
                    multi_factor: false,
                    second_factor_enrolled: false,
                },
            }),
            role: Some(Uuid::from_u128(1)),
            sponsor: Some(Sponsor {
                user: Uuid::from_u128(2),
                role: Some(Uuid::from_u128(3)),
            }),
            expires_at: runtime.clock.now(),
            secret_hash: None,
            idle_expires_at: None,
        }
    }

    fn trusted() -> Directory {
        let directory = Directory::new();
        directory.confirm(Instant::now());
        directory
    }

    #[test]
    fn a_change_removes_the_principals_it_affects() {
        let (directory, runtime) = (trusted(), Runtime::default());

        for change in [
            |known: &Known| AccessChange::Session(known.principal.session.uuid()),
            |known: &Known| AccessChange::User(known.principal.user.uuid()),
            |known: &Known| AccessChange::Role(known.role.unwrap()),
            |known: &Known| AccessChange::User(known.sponsor.unwrap().user),
            |known: &Known| AccessChange::Role(known.sponsor.unwrap().role.unwrap()),
            |_: &Known| AccessChange::Everything,
        ] {
            let one = known(&runtime);
            directory.keep(directory.generation(), one.clone());
            assert!(directory.find(one.principal.session).is_some());
            directory.forget(change(&one));
            assert!(directory.find(one.principal.session).is_none());
        }
    }

    #[test]
    fn a_principal_loaded_during_a_change_is_not_cached() {
        let (directory, runtime) = (trusted(), Runtime::default());
        let (generation, one) = (directory.generation(), known(&runtime));
        directory.forget(AccessChange::Session(one.principal.session.uuid()));
        directory.keep(generation, one.clone());
        assert!(directory.find(one.principal.session).is_none());
    }

    #[test]
    fn the_cache_is_not_trusted_before_the_first_announcement() {
        let (directory, runtime) = (Directory::new(), Runtime::default());
        let one = known(&runtime);
        directory.keep(directory.generation(), one.clone());
        assert!(directory.find(one.principal.session).is_none());
    }
}
