//! The problems that the platform itself answers. An app declares its own beside its endpoints.

use http::StatusCode;

use crate::Kind;

/// The request cannot be read: broken JSON, percent-encoding or UTF-8, or a field given twice.
pub const MALFORMED: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "malformed_request",
    "The request cannot be read.",
);
/// The request line is longer than the server reads (RFC 9110 §15.5.15).
pub const URI_TOO_LONG: Kind = Kind::new(
    StatusCode::URI_TOO_LONG,
    "uri_too_long",
    "The URL is longer than the server takes.",
);
/// The head of the request is larger than the server reads (RFC 6585 §5).
pub const HEAD_TOO_LARGE: Kind = Kind::new(
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head_too_large",
    "The head of the request is larger than the server takes.",
);
/// The request is framed in a way that the server does not know (RFC 9112 §6.1).
pub const NOT_IMPLEMENTED: Kind = Kind::new(
    StatusCode::NOT_IMPLEMENTED,
    "not_implemented",
    "The server does not know how to read the request.",
);
/// The request is in another version of HTTP (RFC 9110 §15.6.6).
pub const VERSION_NOT_SUPPORTED: Kind = Kind::new(
    StatusCode::HTTP_VERSION_NOT_SUPPORTED,
    "version_not_supported",
    "The server does not speak this version of HTTP here.",
);
/// An OAuth request lacks a parameter, has one twice, or has one that is not valid (RFC 6749 §5.2).
pub const INVALID_REQUEST: Kind = Kind::new(
    StatusCode::BAD_REQUEST,
    "invalid_request",
    "A parameter is missing, is there twice, or is not valid.",
);
/// There is no credential, or it is not valid.
pub const UNAUTHENTICATED: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "unauthenticated",
    "Sign in first: a valid bearer token is needed.",
);
/// The operation is sensitive, and the person must prove anew who it is (RFC 9470).
pub const STEP_UP_REQUIRED: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "step_up_required",
    "This is sensitive: prove first who you are, at POST /v1/sessions/current/step-up.",
);
/// A browser sent the request with a cookie, for a page of another site.
pub const CROSS_SITE: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "cross_site_request",
    "A request with a session cookie must come from a page of this origin.",
);
/// The caller's role does not grant what the operation needs.
pub const FORBIDDEN: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "forbidden",
    "Your role does not grant what this operation needs.",
);
/// Nothing is there that the caller may know of.
pub const NOT_FOUND: Kind = Kind::new(
    StatusCode::NOT_FOUND,
    "not_found",
    "There is no such resource.",
);
/// No problem at all: the answer to `HEAD` where the content would be opened and recorded. It never leaves the edge.
pub(crate) const NOT_SHOWN: Kind = Kind::new(StatusCode::OK, "not_shown", "Nothing is shown.");
/// The path exists, the method does not.
pub const METHOD_NOT_ALLOWED: Kind = Kind::new(
    StatusCode::METHOD_NOT_ALLOWED,
    "method_not_allowed",
    "The resource does not have this method.",
);
/// The body did not arrive in time.
pub const REQUEST_TIMEOUT: Kind = Kind::new(
    StatusCode::REQUEST_TIMEOUT,
    "request_timeout",
    "The request did not arrive in time.",
);
/// The change contradicts what is stored.
pub const CONFLICT: Kind = Kind::new(
    StatusCode::CONFLICT,
    "conflict",
    "The change contradicts what is stored.",
);
/// `If-Match` names another version.
pub const PRECONDITION_FAILED: Kind = Kind::new(
    StatusCode::PRECONDITION_FAILED,
    "stale_version",
    "The resource has changed: read it again, then repeat the change.",
);
/// The body is larger than the server takes.
pub const CONTENT_TOO_LARGE: Kind = Kind::new(
    StatusCode::PAYLOAD_TOO_LARGE,
    "content_too_large",
    "The body is larger than the server takes.",
);
/// The body is of another type than the operation takes.
pub const UNSUPPORTED_MEDIA_TYPE: Kind = Kind::new(
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    "unsupported_media_type",
    "The body is not of a type that this operation takes.",
);
/// The request can be read, but a value breaks a rule.
pub const INVALID_INPUT: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "invalid_input",
    "Some values are not valid.",
);
/// Too many rows match to sort them by a sealed field.
pub const TOO_MANY_TO_SORT: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "too_many_to_sort",
    "Too many rows match to sort them by a sealed field.",
);
/// More was asked than the server gives at once.
pub const TOO_MANY_REQUESTS: Kind = Kind::new(
    StatusCode::TOO_MANY_REQUESTS,
    "too_many_requests",
    "Slow down, then try again.",
);
/// A fault of the server.
pub const INTERNAL: Kind = Kind::new(
    StatusCode::INTERNAL_SERVER_ERROR,
    "internal_error",
    "The server failed. It has noted the request id; please report it.",
);
/// The server cannot answer for the moment.
pub const UNAVAILABLE: Kind = Kind::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "unavailable",
    "The server cannot answer just now: try again shortly.",
);
/// The connection to the database was lost while a change was under way: it may have happened, or not. Asking again at once
/// may make it happen twice.
pub const OUTCOME_UNKNOWN: Kind = Kind::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "outcome_unknown",
    "Nobody knows whether the change happened: look whether it did before you repeat it.",
);
