//! How long a signing key is announced, and how long it verifies after another one signs.

use std::time::Duration as StdDuration;

use time::Duration;

/// How long a new key is announced before it signs: whoever verifies tokens elsewhere has asked for the keys meanwhile,
/// since nobody may keep an answer for longer than [`KEPT_FOR`].
pub(crate) const PROPAGATION: Duration = Duration::minutes(10);

/// How long others may keep the key set.
pub(crate) const KEPT_FOR: &str = "public, max-age=300";

/// How long a key verifies after another one began to sign: as long as the last token that it signed may be valid, however
/// that is set.
pub(crate) const OVERLAP: Duration = Duration::seconds(LONGEST_LIFETIME.as_secs().cast_signed());

/// The longest that a token may be set to be valid: a key verifies for as long after another one began to sign.
pub const LONGEST_LIFETIME: StdDuration = StdDuration::from_secs(3_600);
