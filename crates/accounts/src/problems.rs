//! Refusals that several features answer.

use http::StatusCode;
use mainstay_crypto::HashError;
use mainstay_http::{INTERNAL, Kind, Problem, UNAVAILABLE};

/// Without this nobody could sign in to the account any more.
pub const LAST_WAY_IN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "last_way_to_sign_in",
    "This is the only way to sign in to your account: set a password or add another way first.",
);

/// The token was never mailed, was used, or has run out.
pub const INVALID_TOKEN: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "invalid_token",
    "This link is invalid, was used already, or has expired.",
);

/// An organization would be left without an owner.
pub const LAST_OWNER: Kind = Kind::new(
    StatusCode::CONFLICT,
    "last_owner",
    "You are the last owner of an organization: hand it over, or delete it, first.",
);

/// The e-mail address or the password is wrong, or the account may not sign in: the answer does not say which.
pub const INVALID_CREDENTIALS: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "invalid_credentials",
    "The e-mail address or the password is wrong.",
);

/// What a caller is told when there is no hash: that too many wait, or that we failed.
pub fn not_hashed(error: HashError) -> Problem {
    match error {
        HashError::Busy => UNAVAILABLE
            .problem()
            .detail("Too many sign-ins at once: try again shortly.")
            .retry_after(std::time::Duration::from_secs(1))
            .caused_by(error),
        other => INTERNAL.problem().caused_by(other),
    }
}
