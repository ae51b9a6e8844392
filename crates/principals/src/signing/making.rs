//! The parameters of a new signing key.

use mainstay_kernel::Timestamp;
use time::Duration;

use super::schedule::PROPAGATION;
use crate::events::Action;

/// The parameters of a new key.
pub(crate) struct Making {
    /// The action in the audit log.
    pub(crate) action: Action,
    /// How long it is announced before it signs.
    pub(crate) announced_for: Duration,
    /// No key is created if one was created after this time.
    pub(crate) unless_after: Option<Timestamp>,
}

/// The first key of a database. It signs at once, because no verifier has cached an older key set.
pub(crate) fn first() -> Making {
    Making {
        action: Action::SigningKeyCreated,
        announced_for: Duration::ZERO,
        unless_after: Some(Timestamp::UNIX_EPOCH),
    }
}

/// A key that replaces the current one, unless a key was created after `unless_after`.
pub(crate) fn next(unless_after: Option<Timestamp>) -> Making {
    Making {
        action: Action::SigningKeyRotated,
        announced_for: PROPAGATION,
        unless_after,
    }
}
