//! The problems that the platform itself returns. An app declares its own next to its endpoints.

use http::StatusCode;

use crate::Kind;

/// The request cannot be read: invalid JSON, percent-encoding or UTF-8, or a repeated field.
pub const MALFORMED: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "malformed_request",
    "The request cannot be read.",
);
/// The request line is longer than the server accepts (RFC 9110 §15.5.15).
pub const URI_TOO_LONG: Kind = Kind::new(
    StatusCode::URI_TOO_LONG,
    "uri_too_long",
    "The URL is longer than the server accepts.",
);
/// The request's headers are larger than the server accepts (RFC 6585 §5).
pub const HEAD_TOO_LARGE: Kind = Kind::new(
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head_too_large",
    "The request's headers are larger than the server accepts.",
);
/// The request has a transfer coding that the server does not support (RFC 9112 §6.1).
pub const NOT_IMPLEMENTED: Kind = Kind::new(
    StatusCode::NOT_IMPLEMENTED,
    "not_implemented",
    "The server does not support the transfer coding of this request.",
);
/// The request uses an unsupported HTTP version (RFC 9110 §15.6.6).
pub const VERSION_NOT_SUPPORTED: Kind = Kind::new(
    StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    "version_not_supported",
    "The server does not support this HTTP version here.",
);
/// An OAuth request has a missing, repeated or invalid parameter (RFC 6749 §5.2).
pub const INVALID_REQUEST: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "invalid_request",
    "A parameter is missing, repeated, or invalid.",
);
/// The credential is missing or invalid.
pub const UNAUTHENTICATED: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "unauthenticated",
    "Authentication is required. Send a valid bearer token.",
);
/// The operation is sensitive and requires a recent re-authentication (RFC 9470).
pub const STEP_UP_REQUIRED: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "step_up_required",
    "Re-authenticate to continue, at POST /v1/sessions/current/step-up.",
);
/// A browser sent the request with a session cookie on behalf of another site.
pub const CROSS_SITE: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "cross_site_request",
    "A request with a session cookie must come from a page of this origin.",
);
/// The caller's role does not grant the required permission.
pub const FORBIDDEN: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "forbidden",
    "Your role does not grant the permission that this operation requires.",
);
/// The resource does not exist, or the caller may not know that it does.
pub const NOT_FOUND: Kind = Kind::new(
    StatusCode::NOT_FOUND,
    "not_found",
    "There is no such resource.",
);
/// Not an error: the response to `HEAD` where the content would have to be opened and recorded. It
/// never leaves the edge.
pub(crate) const NOT_SHOWN: Kind = Kind::new(StatusCode::OK, "not_shown", "Nothing is shown.");
/// The path exists, but not with this method.
pub const METHOD_NOT_ALLOWED: Kind = Kind::new(
    StatusCode::METHOD_NOT_ALLOWED,
    "method_not_allowed",
    "The resource does not support this method.",
);
/// The request did not arrive in time.
pub const REQUEST_TIMEOUT: Kind = Kind::new(
    StatusCode::REQUEST_TIMEOUT,
    "request_timeout",
    "The request did not arrive in time.",
);
/// The change conflicts with stored data, such as a unique name.
pub const CONFLICT: Kind = Kind::new(
    StatusCode::CONFLICT,
    "conflict",
    "The change conflicts with stored data.",
);
/// `If-Match` names another version.
pub const PRECONDITION_FAILED: Kind = Kind::new(
    StatusCode::PRECONDITION_FAILED,
    "stale_version",
    "The resource has changed. Read it again, then repeat the change.",
);
/// The body is larger than the limit.
pub const CONTENT_TOO_LARGE: Kind = Kind::new(
    StatusCode::PAYLOAD_TOO_LARGE,
    "content_too_large",
    "The body is larger than the server accepts.",
);
/// The operation does not accept the body's content type.
pub const UNSUPPORTED_MEDIA_TYPE: Kind = Kind::new(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "unsupported_media_type",
    "This operation does not accept this content type.",
);
/// The request is well-formed, but a value breaks a rule.
pub const INVALID_INPUT: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "invalid_input",
    "Some values are invalid.",
);
/// Too many rows match to sort them by a sealed field.
pub const TOO_MANY_TO_SORT: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "too_many_to_sort",
    "Too many rows match to sort them by a sealed field.",
);
/// A rate limit was exceeded.
pub const TOO_MANY_REQUESTS: Kind = Kind::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too_many_requests",
    "Too many requests. Wait, then try again.",
);
/// A fault of the server.
pub const INTERNAL: Kind = Kind::new(
    StatusCode::INTERNAL_SERVER_ERROR,
    "internal_error",
    "The server failed. Quote the request id when you report it.",
);
/// The server is temporarily unable to answer.
pub const UNAVAILABLE: Kind = Kind::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "unavailable",
    "The service is temporarily unavailable. Try again shortly.",
);
/// The connection to the database was lost during a change, which may or may not have happened.
/// Repeating the request may apply it twice.
pub const OUTCOME_UNKNOWN: Kind = Kind::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "outcome_unknown",
    "The outcome is unknown. Check whether the change happened before you repeat it.",
);
