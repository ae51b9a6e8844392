//! Basic types of all crates: ids, e-mail addresses, dates and other values, the clock, random bytes
//! and secret strings.
//!
//! This crate does no I/O and knows nothing of HTTP, SQL or accounts. Time and randomness are
//! passed as values ([`Runtime`]), never taken from globals, so that tests control them;
//! `clippy.toml` forbids the globals.

mod clock;
mod email;
mod id;
mod line;
mod random;
mod timestamp;
mod values;

pub use clock::Clock;
pub use email::EmailAddress;
pub use id::{Id, ParseIdError};
pub use line::{LINE_PATTERN, Line, LineError, check_line, is_unprintable, one_line};
pub use random::Random;
pub use secrecy::{ExposeSecret, SecretString};
pub use timestamp::{NotATimestamp, Timestamp};
pub use uuid::Uuid;
pub use values::{Bytes, Date, Decimal, Interval, InvalidText, JsonOf, NetworkAddress, TimeOfDay};

/// A user account.
pub enum User {}
/// The id of a user account.
pub type UserId = Id<User>;

/// An organization: the tenant that owns rows.
pub enum Organization {}
/// The id of an organization.
pub type OrganizationId = Id<Organization>;

/// A signed-in session.
pub enum Session {}
/// The id of a session: the `sid` claim of its tokens.
pub type SessionId = Id<Session>;

/// The clock and the random source that a running service uses.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    /// The source of the current time.
    pub clock: Clock,
    /// The source of random bytes.
    pub random: Random,
}

impl Runtime {
    /// Creates a time-ordered id: UUID version 7 from this runtime's clock and random source (RFC
    /// 9562 §5.7).
    pub fn new_id<T>(&self) -> Id<T> {
        let milliseconds = self.clock.now().inner().unix_timestamp_nanos() / 1_000_000;
        let milliseconds = u64::try_from(milliseconds).unwrap_or_default();

        Id::from(
            uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.random.bytes())
                .into_uuid(),
        )
    }
}
