//! The errors of OAuth 2. Each `code` is the error code of RFC 6749 §5.2, if the RFC defines one.

use http::StatusCode;
use mainstay_http::{Kind, Problem};

/// The client is unknown, or its secret is wrong.
pub(crate) const INVALID_CLIENT: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "invalid_client",
    "The client is unknown, or its secret is wrong.",
);

/// The code or the refresh token is invalid.
pub(crate) const INVALID_GRANT: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "invalid_grant",
    "The code or the token is invalid, expired, already used, or issued to another client.",
);

/// The client may not use this grant type or endpoint.
pub(crate) const UNAUTHORIZED_CLIENT: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "unauthorized_client",
    "This client may not use this grant type or endpoint.",
);

/// The grant type is not supported.
pub(crate) const UNSUPPORTED_GRANT_TYPE: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "unsupported_grant_type",
    "The grant_type must be authorization_code, refresh_token or client_credentials.",
);

/// The requested scope exceeds what may be granted.
pub(crate) const INVALID_SCOPE: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "invalid_scope",
    "The scope names a permission that is unknown or was not granted.",
);

/// The application is not registered. The browser is not redirected.
pub(crate) const UNKNOWN_CLIENT: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "unknown_client",
    "No active application has this client_id.",
);

/// The redirect address is not registered. The browser is not redirected.
pub(crate) const UNREGISTERED_REDIRECT: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "unregistered_redirect_uri",
    "The redirect_uri is not registered for this application.",
);

/// [`INVALID_CLIENT`], with the authentication scheme to use (RFC 6749 §5.2).
pub(crate) fn unauthenticated_client() -> Problem {
    INVALID_CLIENT
        .problem()
        .challenge(r#"Basic realm="oauth", charset="UTF-8""#)
}
