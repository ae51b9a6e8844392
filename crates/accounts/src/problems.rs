//! Problems that several features return.

use http::StatusCode;
use mainstay_crypto::HashError;
use mainstay_http::{INTERNAL, Kind, Problem, UNAVAILABLE};

/// The account would have no way to sign in left.
pub const LAST_WAY_IN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "last_way_to_sign_in",
    "This is the only way to sign in to your account. Set a password or add another way first.",
);

/// The token is unknown, already used or expired.
pub const INVALID_TOKEN: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "invalid_token",
    "This link is invalid, has already been used, or has expired.",
);

/// An organization would be left without an owner.
pub const LAST_OWNER: Kind = Kind::new(
    StatusCode::CONFLICT,
    "last_owner",
    "You are the last owner of an organization. Transfer or delete the organization first.",
);

/// The e-mail address or the password is wrong, or the account is inactive. The response does not
/// state which.
pub const INVALID_CREDENTIALS: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "invalid_credentials",
    "The e-mail address or the password is wrong.",
);

/// Maps a failed hash to a problem: unavailable if the queue is full, otherwise an internal error.
pub fn not_hashed(error: HashError) -> Problem {
    match error {
        HashError::Busy => UNAVAILABLE
            .problem()
            .detail("Too many sign-ins are in progress. Try again shortly.")
            .retry_after(std::time::Duration::from_secs(1))
            .caused_by(error),
        other => INTERNAL.problem().caused_by(other),
    }
}
