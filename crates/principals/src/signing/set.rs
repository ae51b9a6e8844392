//! The set of signing keys: which one signs, which verify, and whether a rotation is due.

use std::sync::Arc;

use mainstay_crypto::KeyRing;
use mainstay_kernel::{Timestamp, Uuid};
use time::Duration;

use super::{
    key::{Jwk, Key, KeyError, KeyId},
    stored::StoredKey,
};

/// All keys at one moment, oldest first.
#[derive(Default)]
pub(crate) struct SigningKeys {
    keys: Vec<Arc<Key>>,
    /// The keys that the key ring cannot open. They are not used.
    pub(crate) unreadable: Vec<Unreadable>,
    /// When the newest key was created, readable or not.
    newest: Option<Timestamp>,
}

/// A key that cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) kid: String,
    pub(crate) reason: KeyError,
    retires_at: Option<Timestamp>,
}

/// The state of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// It verifies, and will sign.
    Announced,
    /// It signs and verifies.
    Signing,
    /// It still verifies, but no longer signs.
    Verifying,
}

/// A key as shown to operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// Its id in tokens and in the key set.
    pub kid: String,
    /// Its id in the audit log.
    pub audit_id: Uuid,
    /// Its current state.
    pub state: KeyState,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it starts to sign.
    pub signs_from: Timestamp,
    /// When it stops verifying; `None` until a key replaces it.
    pub retires_at: Option<Timestamp>,
}

impl SigningKeys {
    /// Opens stored keys.
    pub(crate) fn open(stored: &[StoredKey], ring: &KeyRing) -> Self {
        let mut set = Self {
            newest: stored.last().map(|key| key.created_at),
            ..Self::default()
        };

        for stored in stored {
            match Key::open(stored, ring) {
                Ok(key) => set.keys.push(Arc::new(key)),
                Err(reason) => {
                    let (kid, retires_at) = (stored.id.clone(), stored.retires_at);
                    set.unreadable.push(Unreadable {
                        kid,
                        reason,
                        retires_at,
                    });
                }
            }
        }

        set
    }

    /// The key that signs: the newest whose signing time has started. If there is none, an
    /// announced key: a replica whose clock is ahead has already wiped the key before it.
    pub(crate) fn signing(&self, now: Timestamp) -> Option<&Arc<Key>> {
        let candidates = || {
            self.keys
                .iter()
                .rev()
                .filter(|key| key.signing.is_some() && key.verifies_at(now))
        };

        candidates()
            .find(|key| key.signs_from <= now)
            .or_else(|| candidates().next())
    }

    /// Finds the key with this name, if its tokens are accepted.
    pub(crate) fn find(&self, id: KeyId, now: Timestamp) -> Option<&Arc<Key>> {
        self.keys
            .iter()
            .find(|key| key.id == id && key.verifies_at(now))
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(|key| key.id)
    }

    /// The public halves of all keys that verify, announced ones included.
    pub(crate) fn public(&self, now: Timestamp) -> Vec<Jwk> {
        self.keys
            .iter()
            .filter(|key| key.verifies_at(now))
            .map(|key| key.jwk())
            .collect()
    }

    /// Whether the newest key is old enough to be replaced. Never if the ring opens no key that
    /// signs: a process with the wrong ring must not add a key that the others cannot open.
    pub(crate) fn is_due(&self, now: Timestamp, rotation: Duration) -> bool {
        self.newest.is_some_and(|made| made + rotation <= now) && self.signing(now).is_some()
    }

    /// Whether there is a private half to wipe or a key to delete.
    pub(crate) fn is_cluttered(&self, now: Timestamp) -> bool {
        let newest = self
            .keys
            .iter()
            .rposition(|key| key.signs_from <= now)
            .unwrap_or(0);

        let mut keys = self.keys.iter().enumerate();
        keys.any(|(index, key)| !key.verifies_at(now) || (key.signing.is_some() && index < newest))
            || self
                .unreadable
                .iter()
                .any(|key| key.retires_at.is_some_and(|end| end <= now))
    }

    pub(crate) fn info(&self, now: Timestamp) -> Vec<KeyInfo> {
        let signing = self.signing(now).map(|key| key.id);
        let state = |key: &Key| match key.signs_from <= now {
            _ if Some(key.id) == signing => KeyState::Signing,
            false if key.signing.is_some() => KeyState::Announced,
            _ => KeyState::Verifying,
        };

        self.keys
            .iter()
            .filter(|key| key.verifies_at(now))
            .map(|key| KeyInfo {
                kid: key.id.to_string(),
                audit_id: key.id.uuid(),
                state: state(key),
                created_at: key.created_at,
                signs_from: key.signs_from,
                retires_at: key.retires_at,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::key::tests::{ring, stored};

    /// Two keys: the second signs from hour 1 on, the first verifies until hour 9.
    fn two() -> (KeyRing, Vec<StoredKey>) {
        let ring = ring();
        let mut keys = vec![stored(&ring, hour(0)), stored(&ring, hour(1))];
        keys[0].retires_at = Some(hour(9));
        keys[1].created_at = hour(0);
        (ring, keys)
    }

    fn hour(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(hour)
    }

    fn states(set: &SigningKeys, now: Timestamp) -> Vec<KeyState> {
        set.info(now).iter().map(|info| info.state).collect()
    }

    #[test]
    fn a_key_is_announced_then_signs_then_verifies_then_is_gone() {
        use KeyState::{Announced, Signing, Verifying};

        let (ring, mut keys) = two();
        let set = SigningKeys::open(&keys, &ring);
        assert_eq!(states(&set, hour(0)), [Signing, Announced]);
        assert_eq!(
            (set.is_cluttered(hour(0)), set.public(hour(0)).len()),
            (false, 2)
        );
        assert_eq!(states(&set, hour(1)), [Verifying, Signing]);
        assert!(
            set.is_cluttered(hour(1)),
            "a key that no longer signs is to be wiped"
        );

        keys[0].private = None;
        let set = SigningKeys::open(&keys, &ring);
        assert_eq!(
            (states(&set, hour(1)), set.is_cluttered(hour(1))),
            (vec![Verifying, Signing], false)
        );
        assert_eq!(
            (states(&set, hour(9)), set.is_cluttered(hour(9))),
            (vec![Signing], true)
        );

        let first = KeyId::parse(&keys[0].id).unwrap();
        assert!(set.find(first, hour(8)).is_some() && set.find(first, hour(9)).is_none());
        assert_eq!(set.public(hour(9)).len(), 1);
    }

    /// A process whose clock is behind sees the first key wiped before the second may sign.
    #[test]
    fn a_process_whose_clock_is_behind_still_signs() {
        let (ring, mut keys) = two();
        keys[0].private = None;
        let set = SigningKeys::open(&keys, &ring);
        assert_eq!(
            set.signing(hour(0)).map(|key| key.id.to_string()),
            Some(keys[1].id.clone())
        );
    }

    #[test]
    fn a_key_is_due_by_its_age_unless_the_ring_is_wrong() {
        let (ring, keys) = two();
        let set = SigningKeys::open(&keys, &ring);
        assert!(!set.is_due(hour(23), Duration::days(1)));
        assert!(set.is_due(hour(24), Duration::days(1)));
        let wrong = SigningKeys::open(&keys, &super::super::key::tests::ring());
        assert_eq!(wrong.unreadable.len(), 2);
        assert!(!wrong.is_due(hour(24), Duration::days(1)));
        assert!(wrong.signing(hour(24)).is_none());
    }
}
