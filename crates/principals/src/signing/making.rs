//! What is asked of a new signing key.

use mainstay_kernel::Timestamp;
use time::Duration;

use super::schedule::PROPAGATION;
use crate::events::Action;

/// What is asked of a new key.
pub(crate) struct Making {
    /// What the audit log is told.
    pub(crate) action: Action,
    /// How long it is announced before it signs.
    pub(crate) announced_for: Duration,
    /// Nothing is made if there is a key that was made after this.
    pub(crate) unless_after: Option<Timestamp>,
}

/// The first key of a database: nobody waits for it to become known, since nobody knows of another.
pub(crate) fn first() -> Making {
    Making {
        action: Action::SigningKeyCreated,
        announced_for: time::Duration::ZERO,
        unless_after: Some(Timestamp::UNIX_EPOCH),
    }
}

/// A key that follows the others, unless one was made after `unless_after`.
pub(crate) fn next(unless_after: Option<Timestamp>) -> Making {
    Making {
        action: Action::SigningKeyRotated,
        announced_for: PROPAGATION,
        unless_after,
    }
}
