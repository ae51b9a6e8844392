use std::{borrow::Cow, fmt, time::Duration};

use http::{HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{failure, request::Reply};

/// The sort of a problem: its status, its stable `code`, and what it tells a person. Declared as a constant and named
/// in the endpoint's attribute, so that the document lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The HTTP status.
    pub status: StatusCode,
    /// What a program goes by: snake_case, never changed once published.
    pub code: &'static str,
    /// What a person is told, in one sentence.
    pub detail: &'static str,
}

impl Kind {
    /// A sort of problem.
    pub const fn new(status: StatusCode, code: &'static str, detail: &'static str) -> Self {
        Self {
            status,
            code,
            detail,
        }
    }

    /// The word that OAuth 2 has for it: its own where `code` is one, else the nearest (RFC 6749 §4.1.2.1, §5.2).
    pub(crate) fn oauth_error(self) -> &'static str {
        const WORDS: [&str; 7] = [
            "invalid_request",
            "invalid_client",
            "invalid_grant",
            "unauthorized_client",
            "unsupported_grant_type",
            "unsupported_token_type",
            "invalid_scope",
        ];

        match self.status.as_u16() {
            _ if WORDS.contains(&self.code) => self.code,
            429 | 503 => "temporarily_unavailable",
            500.. => "server_error",
            _ => "invalid_request",
        }
    }

    /// A problem of this sort.
    pub fn problem(self) -> Problem {
        Problem::from(self)
    }
}

/// The content type of a problem (RFC 9457 §3).
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// That of one that an OAuth client reads (RFC 6749 §5.2): its members are the same.
pub(crate) const OAUTH_CONTENT_TYPE: &str = "application/json";

/// The one shape that every failure has on the wire: `application/problem+json` (RFC 9457), and `application/json` where
/// OAuth 2 is spoken.
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

/// What is wrong with one value of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// Where the value is: `body`, `path`, `query` or `header`.
    #[serde(rename = "in")]
    pub location: Cow<'static, str>,
    /// Which value: a JSON Pointer (RFC 6901) into the body, or `/` and the parameter's name.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

/// The body of a problem (RFC 9457 §3), with the members that Mainstay adds.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem", deny_unknown_fields)]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: what a program goes by is `code`.
    #[serde(rename = "type")]
    kind: &'a str,
    /// The status in words.
    title: &'a str,
    /// The status.
    #[schemars(range(min = 400, max = 599))]
    status: u16,
    /// What went wrong, for a program; never changes once published.
    code: &'a str,
    /// What went wrong, for a person.
    detail: &'a str,
    /// The request, as in the logs and the audit log.
    #[schemars(with = "uuid::Uuid")]
    request_id: String,
    /// Each value that was refused.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    errors: &'a [FieldError],
    /// Where a second factor is asked for: those that the account can show, of `totp`, `passkey` and `recovery_code`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    second_factors: &'a [&'static str],
    /// Where OAuth 2 is spoken: what went wrong, in its own words (RFC 6749 §5.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, with = "String")]
    error: Option<&'a str>,
    /// Where OAuth 2 is spoken: the same as `detail`, in the letters that RFC 6749 §5.2 allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, with = "String")]
    error_description: Option<&'a str>,
}

impl Problem {
    /// Says more than the kind's own sentence does.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Names the values that were refused.
    #[must_use]
    pub fn errors(mut self, errors: impl IntoIterator<Item = FieldError>) -> Self {
        self.0.errors.extend(errors);
        self
    }

    /// Names the second factors that the caller may show. Only whoever has shown the first one is told.
    #[must_use]
    pub fn second_factors(mut self, factors: impl IntoIterator<Item = &'static str>) -> Self {
        self.0.second_factors.extend(factors);
        self
    }

    /// Changes each value that was refused.
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

    /// Notes what lies beneath for the log; the client never sees it.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// The same problem under another kind's status and code.
    #[must_use]
    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    /// Names the methods that a resource has.
    pub(crate) fn allow(self, methods: &str) -> Self {
        match HeaderValue::from_str(methods) {
            Ok(methods) => self.header(header::ALLOW, methods),
            Err(_) => self,
        }
    }

    /// Adds a header that says how to do better.
    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// Says what the caller must show instead (`WWW-Authenticate`). A 401 asks for a bearer token unless told.
    #[must_use]
    pub fn challenge(mut self, challenge: impl Into<Cow<'static, str>>) -> Self {
        self.0.challenge = Some(challenge.into());
        self
    }

    /// Says it in the words of OAuth 2, too: `error` and `error_description` (RFC 6749 §5.2).
    #[must_use]
    pub(crate) fn in_words_of_oauth(mut self) -> Self {
        self.0.speaks_oauth = true;
        self
    }

    /// What sort of problem it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    #[cfg(test)]
    pub(crate) fn field_errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// What a person is told.
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

        let asks = kind.status == StatusCode::UNAUTHORIZED;
        let challenge = challenge.or_else(|| asks.then_some(Cow::Borrowed("Bearer")));
        if let Some(challenge) =
            challenge.and_then(|challenge| HeaderValue::try_from(challenge.as_ref()).ok())
        {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }

        headers.extend(more);

        reply
    }
}

/// The words that RFC 9110 §15.5 has for a status. The library's are older for two.
pub(crate) fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        _ => status.canonical_reason().unwrap_or("Error"),
    }
}

/// A detail as an `error_description` may say it (RFC 6749 §5.2): printable ASCII without quotation marks and backslashes.
fn description(detail: &str) -> String {
    let allowed = |letter: char| match letter {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => letter,
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
    fn an_error_description_holds_the_letters_that_it_may() {
        assert_eq!(description("a \"b\" `c` \\ d…\n"), "a 'b' `c` / d??");
    }
}
