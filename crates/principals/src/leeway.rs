//! The clock difference that is tolerated between two machines.

use time::Duration;

/// How far the clock of a token's issuer (a replica, or an external OpenID provider) may be ahead
/// of the verifier's clock (RFC 7519 §4.1.5 allows "some small leeway").
///
/// It applies to the start of a token (`nbf`, `iat`), never to its end (`exp`). It is not a
/// setting: a larger difference is a fault, which the metric `mainstay_clock_skew_seconds` shows.
pub const CLOCK_LEEWAY: Duration = Duration::seconds(30);
