//! What OAuth 2 calls its errors (RFC 6749 §5.2): each `code` is the word of the standard, where it has one.

use http::StatusCode;
use mainstay_http::{Kind, Problem};

/// Nobody knows the client, or its secret is wrong.
pub(crate) const INVALID_CLIENT: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "invalid_client",
    "The client is not known, or its secret is wrong.",
);
/// The code or the refresh token is not good.
pub(crate) const INVALID_GRANT: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "invalid_grant",
    "The code or the token is not valid: unknown, over, used before, or given to another client.",
);
/// The client may not do that.
pub(crate) const UNAUTHORIZED_CLIENT: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "unauthorized_client",
    "This grant is not for this client.",
);
/// The grant is not one of ours.
pub(crate) const UNSUPPORTED_GRANT_TYPE: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "unsupported_grant_type",
    "The grants are authorization_code, refresh_token and client_credentials.",
);
/// More was asked for than there is to give.
pub(crate) const INVALID_SCOPE: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "invalid_scope",
    "The scope names what is unknown or was not granted.",
);
/// Nobody is sent back to an application that is not registered.
pub(crate) const UNKNOWN_CLIENT: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "unknown_client",
    "No application with this client_id is registered here, or it was deactivated.",
);
/// Nobody is sent to an address that is not registered.
pub(crate) const UNREGISTERED_REDIRECT: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "unregistered_redirect_uri",
    "The redirect_uri is not one that the application has registered.",
);

/// A client that did not show who it is, with the scheme to show it by (RFC 6749 §5.2).
pub(crate) fn not_the_client() -> Problem {
    INVALID_CLIENT
        .problem()
        .challenge(r#"Basic realm="oauth", charset="UTF-8""#)
}
