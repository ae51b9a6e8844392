use std::{borrow::Cow, fmt, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{failure, request::Reply};

/// A kind of problem: its status, stable `code` and default detail. Declare it as a constant and name it in the
/// endpoint's attribute, so that the API document lists it.
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

    /// The OAuth 2 error code: `code` itself if OAuth 2 defines it, otherwise the closest (RFC 6749 §4.1.2.1, §5.2).
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

/// The content type of a problem (RFC 9457 §3).
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// The content type of a problem for OAuth clients (RFC 6749 §5.2). The members are the same.
pub(crate) const OAUTH_CONTENT_TYPE: &str = "application/json";

/// The error response of every endpoint: `application/problem+json` (RFC 9457), or `application/json` on OAuth 2
/// endpoints.
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

/// The body of a problem (RFC 9457 §3), with the members that Mainstay adds.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem", deny_unknown_fields)]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`. Programs use `code`.
    #[serde(rename = "type")]
    kind: &'a str,
    /// The name of the status.
    title: &'a str,
    /// The status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What went wrong, for programs. Never changes once published.
    code: &'a str,
    /// What went wrong, for people.
    detail: &'a str,
    /// The id of the request, as in the logs and the audit log.
    #[schemars(with = "uuid::Uuid")]
    request_id: String,
    /// The invalid values.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    errors: &'a [FieldError],
    /// If a second factor is required: those that the account has, of `totp`, `passkey` and `recovery_code`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    second_factors: &'a [&'static str],
    /// On OAuth 2 endpoints: the OAuth error code (RFC 6749 §5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, with = "String")]
    error: Option<&'a str>,
    /// On OAuth 2 endpoints: `detail`, restricted to the characters that RFC 6749 §5.2 allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, with = "String")]
    error_description: Option<&'a str>,
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

    /// Adds the second factors that the account has. Only reveal them after the first factor was verified.
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

    pub(crate) fn into_reply(self, request_id: uuid::Uuid) -> Reply {
        let Inner {
            kind,
            detail,
            errors,
            second_factors,
            retry_after,
            headers: more,
            challenge,
            speaks_oauth,
            ..
        } = *self.0;

        let detail = detail.as_deref().unwrap_or(kind.detail);
        let description = speaks_oauth.then(|| description(detail));
        let body = ProblemBody {
            kind: "about:blank",
            title: title(kind.status),
            status: kind.status.as_u16(),
            code: kind.code,
            detail,
            request_id: request_id.to_string(),
            errors: &errors,
            second_factors: &second_factors,
            error: speaks_oauth.then(|| kind.oauth_error()),
            error_description: description.as_deref(),
        };

        let mut reply = Reply::new(failure::to_bytes(&body).into());
        *reply.status_mut() = kind.status;

        let headers = reply.headers_mut();
        let content_type = if speaks_oauth {
            OAUTH_CONTENT_TYPE
        } else {
            CONTENT_TYPE
        };

        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));

        if let Some(wait) = retry_after {
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(wait.as_secs_f64().ceil() as u64),
            );
        }

        let is_unauthorized = kind.status == StatusCode::UNAUTHORIZED;
        let challenge = challenge.or_else(|| is_unauthorized.then_some(Cow::Borrowed("Bearer")));
        if let Some(challenge) =
            challenge.and_then(|challenge| HeaderValue::try_from(challenge.as_ref()).ok())
        {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }

        headers.extend(more);

        reply
    }
}

/// The name of a status in RFC 9110 §15.5. For two of them, the library has an older name.
pub(crate) fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        _ => status.canonical_reason().unwrap_or("Error"),
    }
}

/// Restricts a detail to the characters of `error_description` (RFC 6749 §5.2): printable ASCII without quotation marks
/// and backslashes.
fn description(detail: &str) -> String {
    let allowed = |character: char| match character {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => character,
        _ => '?',
    };

    detail.chars().map(allowed).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 §5.2.
    #[test]
    fn an_error_description_contains_only_allowed_characters() {
        assert_eq!(description("a \"b\" `c` \\ d…\n"), "a 'b' `c` / d??");
    }
}
