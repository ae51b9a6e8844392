//! What every room stands on: identifiers, the clock, random bytes and secret strings.
//!
//! Nothing here does I/O or knows of HTTP, SQL or accounts. Time and randomness are values that are handed in
//! ([`Runtime`]), never globals, so that a test decides both; `clippy.toml` forbids the globals.

mod clock;
mod id;
mod line;
mod random;
mod timestamp;

pub use clock::Clock;
pub use id::{Id, ParseIdError};
pub use line::{LINE_PATTERN, Line, LineError, check_line, is_unprintable, one_line};
pub use random::Random;
pub use secrecy::{ExposeSecret, SecretString};
pub use timestamp::{NotATimestamp, Timestamp};
pub use uuid::Uuid;

/// A user account.
pub enum User {}
/// A user account's identifier.
pub type UserId = Id<User>;

/// An organization: the tenant that owns rows.
pub enum Organization {}
/// An organization's identifier.
pub type OrganizationId = Id<Organization>;

/// A signed-in session.
pub enum Session {}
/// A session's identifier: the `sid` claim of its tokens.
pub type SessionId = Id<Session>;

/// The clock and the random source that a running service uses.
#[derive(Clone, Debug, Default)]
pub struct Runtime {
    /// What time it is.
    pub clock: Clock,
    /// Where random bytes come from.
    pub random: Random,
}

impl Runtime {
    /// A new time-ordered identifier: UUID version 7 of this runtime's clock and random source (RFC 9562 §5.7).
    pub fn new_id<T>(&self) -> Id<T> {
        let milliseconds = self.clock.now().inner().unix_timestamp_nanos() / 1_000_000;
        let milliseconds = u64::try_from(milliseconds).unwrap_or_default();
        Id::from(
            uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.random.bytes())
                .into_uuid(),
        )
    }
}
