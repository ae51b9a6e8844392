//! How far the clocks of two machines may differ.

use time::Duration;

/// How far the clock of the process that issued a token may be ahead of the clock of the one that verifies it: replicas,
/// and external OpenID providers (RFC 7519 §4.1.5 allows "some small leeway").
///
/// It makes the beginning of a token (`nbf`, `iat`) earlier and never its end (`exp`) later. It is no setting: clocks that
/// differ by more are a fault, which the metric `mainstay_clock_skew_seconds` shows.
pub const CLOCK_LEEWAY: Duration = Duration::seconds(30);
