//! Checks that hold for every response: security headers, a request id, and complete problems.

use std::collections::BTreeSet;

use mainstay_kernel::Uuid;
use serde_json::Value;

use super::sweep::Sweep;
use crate::Answer;

/// Headers of every response (OWASP ASVS 3.4.1, 3.4.3 to 3.4.6, 14.3.2).
const HEADERS: [&str; 6] = [
    "strict-transport-security",
    "x-content-type-options",
    "referrer-policy",
    "content-security-policy",
    "cache-control",
    "cross-origin-resource-policy",
];

/// Required members of a problem (RFC 9457 §3.1, and ours).
const MEMBERS: [&str; 6] = ["code", "detail", "request_id", "status", "title", "type"];

/// Optional members of a problem: the invalid values, and what OAuth clients read (RFC 6749 §5.2).
const EXTENSIONS: [&str; 3] = ["errors", "error", "error_description"];

impl Sweep {
    /// Checks what holds for every response.
    pub(super) fn check_shape(&mut self, name: &str, answer: &Answer) {
        self.attacks += 1;

        for header in HEADERS {
            if answer.header(header).is_empty() {
                self.fail(format!("{name}: the header {header} is missing"));
            }
        }

        if Uuid::try_parse(answer.header("x-request-id")).is_err() {
            self.fail(format!("{name}: X-Request-Id is not a UUID"));
        }

        if answer.headers.contains_key("server") {
            self.fail(format!("{name}: the header server is present"));
        }

        let is_problem = answer.status.is_client_error() || answer.status.is_server_error();
        // An answer to HEAD has no body (RFC 9110 §9.3.2).
        if is_problem && !answer.request.starts_with("HEAD ") {
            self.check_problem(name, answer);
        }
    }

    fn check_problem(&mut self, name: &str, answer: &Answer) {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let members: BTreeSet<_> = body
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();

        let without_errors: Vec<_> = members
            .into_iter()
            .filter(|name| !EXTENSIONS.contains(name))
            .collect();

        // OAuth errors are plain JSON (RFC 6749 §5.2).
        let expected = if body["error"].is_string() {
            "application/json"
        } else {
            "application/problem+json"
        };

        let wrong = [
            (
                answer.header("content-type") != expected,
                "has the wrong content type",
            ),
            (
                without_errors != MEMBERS,
                "does not have the members of a problem",
            ),
            (
                body["type"] != "about:blank",
                "has a type other than about:blank",
            ),
            (
                body["status"] != answer.status.as_u16(),
                "has another status in its body",
            ),
            (
                body["request_id"] != answer.header("x-request-id"),
                "has another request id",
            ),
            (
                answer.status == 401 && answer.header("www-authenticate").is_empty(),
                "has no WWW-Authenticate",
            ),
            (
                answer.status == 405 && answer.header("allow").is_empty(),
                "has no Allow",
            ),
            (answer.status.is_server_error(), "is a server error"),
        ];

        for (_, what) in wrong.into_iter().filter(|(is_wrong, _)| *is_wrong) {
            self.fail(format!(
                "{name}: the problem {what}: {}",
                answer.described()
            ));
        }
    }
}
