//! The throttle: limits attempts and requests. The counters are in the database, so that all
//! replicas share them.
//!
//! - [`attempts`]: guesses at passwords and codes. An attempt is counted before it is verified and
//!   taken back if it succeeds, so concurrent attempts are limited like consecutive ones. The wait
//!   doubles up to a quarter of an hour, and counters decrease continuously (OWASP ASVS 6.1.1,
//!   6.3.1; NIST SP 800-63B-4 §3.2.2).
//! - [`requests`]: requests that are not guesses but have a cost: e-mails, rows and processor time.
//! - [`flood`]: addresses that are refused for every account, cached in memory for two seconds at a
//!   time.
//! - [`refusals`]: the audit records of both, a limited number of rows for each address and window.
//!
//! An attacker cannot lock an owner out: each network has its own counter for an account, and
//! attempts from elsewhere do not affect a network that the account has been used from. Neither
//! responses nor counters depend on whether an account exists. Every statement locks rows in the
//! order of their keys.

pub mod attempts;
pub mod flood;
pub mod keys;
pub mod refusals;
pub mod requests;

use http::StatusCode;
use mainstay_database::Sql;
use mainstay_http::{Kind, Problem};
use mainstay_kernel::Timestamp;

/// There were too many failed attempts or too many requests.
pub const TOO_MANY_ATTEMPTS: Kind = Kind::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too_many_attempts",
    "Too many attempts. Wait before you try again.",
);

/// Creates the refusal, with the time to wait.
pub(crate) fn wait_until(until: Timestamp, now: Timestamp) -> Problem {
    let wait = (until.inner() - now.inner())
        .try_into()
        .unwrap_or(std::time::Duration::from_secs(1));

    TOO_MANY_ATTEMPTS.problem().retry_after(wait)
}

pub(crate) fn now(sql: &Sql) -> Timestamp {
    sql.database().runtime().clock.now()
}
