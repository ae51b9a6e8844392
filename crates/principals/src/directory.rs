//! The principals that this process knows, by session, and what makes them stale.

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

/// How long ago the database's announcements may have been heard for memory to be believed: with a poll every half
/// second, a revocation is seen within a second or memory is not asked.
const BELIEVED_FOR: Duration = Duration::from_secs(1);

/// Principals kept at most; beyond that all are forgotten and loaded again.
const MOST: usize = 100_000;

/// The principals that this process knows of, by session.
pub(crate) struct Directory {
    known: RwLock<HashMap<SessionId, Known>>,
    /// Counts what was forgotten, so that a principal that was being loaded meanwhile is not kept.
    forgotten: AtomicU64,
    heard: RwLock<Option<Instant>>,
}

/// A principal, and what a credential of its session must match.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) principal: Arc<Principal>,
    /// Its role, when it works in an organization.
    pub(crate) role: Option<Uuid>,
    /// On whom the rights of a machine's credential depend.
    pub(crate) sponsor: Option<Sponsor>,
    pub(crate) expires_at: Timestamp,
    /// SHA-256 of the secret that carries it: a browser's cookie, an API key. A token carries its own proof.
    pub(crate) secret_hash: Option<Vec<u8>>,
    /// When it ends unless it is used before; only what a use prolongs.
    pub(crate) idle_expires_at: Option<Timestamp>,
}

/// The member on whose rights a machine's credential depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sponsor {
    pub(crate) user: Uuid,
    /// The sponsor's role; `None` for one who left.
    pub(crate) role: Option<Uuid>,
}

impl Known {
    /// Whether `change` made it stale.
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

/// What made principals stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessChange {
    Session(Uuid),
    User(Uuid),
    Role(Uuid),
    /// Announcements may have been missed.
    Everything,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            known: RwLock::default(),
            forgotten: AtomicU64::new(0),
            heard: RwLock::new(None),
        }
    }

    /// The principal of a session, unless memory cannot be believed at present.
    pub(crate) fn find(&self, session: SessionId) -> Option<Known> {
        let heard = *self.heard.read().unwrap_or_else(PoisonError::into_inner);
        if heard.is_none_or(|heard| heard.elapsed() > BELIEVED_FOR) {
            return None;
        }
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&session)
            .cloned()
    }

    /// To be called before a principal is loaded; [`keep`](Self::keep) takes the answer.
    pub(crate) fn generation(&self) -> u64 {
        self.forgotten.load(Ordering::Acquire)
    }

    /// Remembers a principal, unless something was forgotten since `generation`: it may be stale already.
    pub(crate) fn keep(&self, generation: u64, known: Known) {
        let mut all = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation() != generation {
            return;
        }
        if all.len() >= MOST {
            all.clear();
        }
        all.insert(known.principal.session, known);
    }

    /// Forgets the principals that `change` made stale.
    pub(crate) fn forget(&self, change: AccessChange) {
        let mut all = self.known.write().unwrap_or_else(PoisonError::into_inner);
        self.forgotten.fetch_add(1, Ordering::AcqRel);
        match change {
            AccessChange::Session(session) => drop(all.remove(&SessionId::from(session))),
            AccessChange::Everything => all.clear(),
            AccessChange::User(_) | AccessChange::Role(_) => {
                all.retain(|_, known| !known.is_stale_after(change))
            }
        }
    }

    /// Every announcement that was made before `when` has been heard.
    pub(crate) fn heard_until(&self, when: Instant) {
        *self.heard.write().unwrap_or_else(PoisonError::into_inner) = Some(when);
    }
}

impl std::str::FromStr for AccessChange {
    type Err = ();

    /// Reads `kind:key`, as the database announces it.
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

    fn believed() -> Directory {
        let directory = Directory::new();
        directory.heard_until(Instant::now());
        directory
    }

    #[test]
    fn a_change_forgets_whom_it_concerns() {
        let (directory, runtime) = (believed(), Runtime::default());

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
    fn what_was_loaded_while_something_changed_is_not_kept() {
        let (directory, runtime) = (believed(), Runtime::default());
        let (generation, one) = (directory.generation(), known(&runtime));
        directory.forget(AccessChange::Session(one.principal.session.uuid()));
        directory.keep(generation, one.clone());
        assert!(directory.find(one.principal.session).is_none());
    }

    #[test]
    fn memory_is_not_believed_before_anything_was_heard() {
        let (directory, runtime) = (Directory::new(), Runtime::default());
        let one = known(&runtime);
        directory.keep(directory.generation(), one.clone());
        assert!(directory.find(one.principal.session).is_none());
    }
}
