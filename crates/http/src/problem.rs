//! Problems: the error responses of endpoints (RFC 9457).

pub(crate) mod body;

use std::{borrow::Cow, fmt, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

/// A kind of problem: its status, stable `code` and default detail. Declare it as a constant and
/// name it in the endpoint's attribute, so that the API document lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The HTTP status.
    pub status: StatusCode,
    /// The machine-readable code, in snake_case. Never changes once published.
    pub code: &'static str,
    /// The default detail: one or two short sentences for people.
    pub detail: &'static str,
}

impl Kind {
    /// Creates a kind of problem.
    pub const fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self {
            status,
            code,
            detail,
        }
    }

    /// The OAuth 2 error code: `code` itself if OAuth 2 defines it, otherwise the closest (RFC 6749
    /// §4.1.2.1, §5.2).
    pub(crate) fn oauth_error(self) -> &'static str {
        const OAUTH_CODES: [&str; 7] = [
            "invalid_request",
            "invalid_client",
            "invalid_grant",
            "unauthorized_client",
            "unsupported_grant_type",
            "unsupported_token_type",
            "invalid_scope",
        ];

        match self.status.as_u16() {
            _ if OAUTH_CODES.contains(&self.code) => self.code,
            429 | 503 => "temporarily_unavailable",
            500.. => "server_error",
            _ => "invalid_request",
        }
    }

    /// Creates a problem of this kind.
    pub fn problem(self) -> Problem {
        Problem::from(self)
    }
}

/// The error response of every endpoint: `application/problem+json` (RFC 9457), or
/// `application/json` on OAuth 2 endpoints.
pub struct Problem(Box<Inner>);

struct Inner {
    kind: Kind,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    second_factors: Vec<&'static str>,
    retry_after: Option<Duration>,
    headers: Vec<(HeaderName, HeaderValue)>,
    challenge: Option<Cow<'static, str>>,
    cause: Option<String>,
    speaks_oauth: bool,
}

/// An invalid value in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// The location of the value: `body`, `path`, `query` or `header`.
    #[serde(rename = "in")]
    pub location: Cow<'static, str>,
    /// The value: a JSON Pointer (RFC 6901) into the body, or `/` and the parameter's name.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

impl Problem {
    /// Replaces the kind's default detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds invalid values.
    #[must_use]
    pub fn errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.0.errors.extend(errors);
        self
    }

    /// Adds the second factors that the account has. Only reveal them after the first factor was
    /// verified.
    #[must_use]
    pub fn second_factors(mut self, factors: impl IntoIterator<Item = &'static str>) -> Self {
        self.0.second_factors.extend(factors);
        self
    }

    /// Transforms each invalid value.
    #[must_use]
    pub(crate) fn map_errors(mut self, change: impl FnMut(FieldError) -> FieldError) -> Self {
        self.0.errors = std::mem::take(&mut self.0.errors)
            .into_iter()
            .map(change)
            .collect();
        self
    }

    /// Tells the client when to try again (`Retry-After`, whole seconds, rounded up).
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Adds the cause, for the log only. The client never sees it.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// Changes the kind.
    #[must_use]
    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Adds `Allow`: the methods that the resource supports.
    pub(crate) fn allow(self, methods: &str) -> Self {
        match HeaderValue::from_str(methods) {
            Ok(methods) => self.header(header::ALLOW, methods),
            Err(_) => self,
        }
    }

    /// Adds a response header.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Sets the challenge (`WWW-Authenticate`). The default of a 401 is `Bearer`.
    #[must_use]
    pub fn challenge(mut self, challenge: impl Into<Cow<'static, str>>) -> Self {
        self.0.challenge = Some(challenge.into());
        self
    }

    /// Adds the members of OAuth 2: `error` and `error_description` (RFC 6749 §5.2).
    #[must_use]
    pub(crate) fn in_words_of_oauth(mut self) -> Self {
        self.0.speaks_oauth = true;
        self
    }

    /// The kind of problem.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    #[cfg(test)]
    pub(crate) fn field_errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The detail that the client sees.
    pub(crate) fn shown_detail(&self) -> Cow<'static, str> {
        self.0
            .detail
            .clone()
            .unwrap_or(Cow::Borrowed(self.0.kind.detail))
    }

    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }
}

impl From<Kind> for Problem {
    fn from(kind: Kind) -> Self {
        Self(Box::new(Inner {
            kind,
            detail: None,
            errors: Vec::new(),
            second_factors: Vec::new(),
            retry_after: None,
            headers: Vec::new(),
            challenge: None,
            cause: None,
            speaks_oauth: false,
        }))
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.kind.status.as_u16(), self.0.kind.code)
    }
}
