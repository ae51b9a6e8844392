//! The response of a problem (RFC 9457).

use std::borrow::Cow;

use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use super::{FieldError, Inner, Problem};
use crate::{reply::Reply, reply::to_bytes};

/// The content type of a problem (RFC 9457 §3).
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// The content type of a problem for OAuth clients (RFC 6749 §5.2). The members are the same.
pub(crate) const OAUTH_CONTENT_TYPE: &str = "application/json";

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
    /// If a second factor is required: those that the account has, of `totp`, `passkey` and
    /// `recovery_code`.
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
    /// Writes the response to the request with this id.
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

        let mut reply = Reply::new(to_bytes(&body).into());
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

/// Restricts a detail to the characters of `error_description` (RFC 6749 §5.2): printable ASCII
/// without quotation marks and backslashes.
fn description(detail: &str) -> String {
    let allowed = |character: char| match character {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => character,
        _ => '?',
    };

    detail.chars().map(allowed).collect()
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
