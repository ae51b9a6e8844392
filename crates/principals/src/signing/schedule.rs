//! How long a signing key is announced before it signs, and how long it verifies after it is
//! replaced.

use std::time::Duration as StdDuration;

use time::Duration;

/// How long a new key is announced before it signs. It exceeds [`KEPT_FOR`], so that every verifier
/// has fetched it by then.
pub(crate) const PROPAGATION: Duration = Duration::minutes(10);

/// `Cache-Control` of the key set.
pub(crate) const KEPT_FOR: &str = "public, max-age=300";

/// How long a key verifies after another key starts to sign: as long as its last token may be
/// valid, for any setting.
pub(crate) const OVERLAP: Duration = Duration::seconds(LONGEST_LIFETIME.as_secs().cast_signed());

/// The maximum of the setting for a token's lifetime.
pub const LONGEST_LIFETIME: StdDuration = StdDuration::from_secs(3_600);
