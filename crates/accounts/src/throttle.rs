//! The throttle: how often something may be tried or asked for, counted in the database and so for all replicas at once.
//!
//! - [`attempts`]: guesses at passwords and codes. An attempt counts before it is made and is taken back when it succeeds,
//!   so a burst gets through no more often than the same attempts one by one. The wait doubles up to a quarter of an hour;
//!   counts leak continuously (OWASP ASVS 6.1.1, 6.3.1; NIST SP 800-63B-4 §3.2.2).
//! - [`requests`]: what is no guess but has a price, such as letters, rows and processor time.
//! - [`flood`]: addresses that are refused whichever account they try, kept in memory for two seconds at a time.
//! - [`refusals`]: the audit records of both, a bounded number of rows for each address and window.
//!
//! Strangers cannot keep an owner out: an account is counted apart for each network, and what strangers did to the account
//! elsewhere does not bind a network that it has signed in from. Neither answers nor counts depend on whether an account
//! exists. Rows are locked in the order of their keys, by every statement.

pub mod attempts;
pub mod flood;
pub mod keys;
pub mod refusals;
pub mod requests;

use http::StatusCode;
use mainstay_database::{Error, Row, Unscoped};
use mainstay_http::{Kind, Problem};
use mainstay_kernel::Timestamp;

/// Too many attempts failed, or too much was asked for.
pub const TOO_MANY_ATTEMPTS: Kind = Kind::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too_many_attempts",
    "Too many attempts: wait, then try again.",
);

/// The refusal that says how long to wait.
pub(crate) fn wait_until(until: Timestamp, now: Timestamp) -> Problem {
    let wait = (until.inner() - now.inner())
        .try_into()
        .unwrap_or(std::time::Duration::from_secs(1));
    TOO_MANY_ATTEMPTS.problem().retry_after(wait)
}

/// The moment in a column, where there is one.
pub(crate) fn moment(rows: &[Row], position: usize) -> Result<Option<Timestamp>, Error> {
    rows.first()
        .map(|row| row.get::<Option<Timestamp>>(position))
        .transpose()
        .map(Option::flatten)
}

pub(crate) fn now(unscoped: &Unscoped) -> Timestamp {
    unscoped.database().runtime().clock.now()
}
