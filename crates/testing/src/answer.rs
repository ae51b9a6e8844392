//! Answers, and what tests assert of them.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// A response of the service.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// Method and path of the request, for messages.
    pub(crate) request: String,
}

/// The parts of a problem (RFC 9457) that tests compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemAnswer {
    /// The status.
    pub status: u16,
    /// The machine-readable code.
    pub code: String,
    /// JSON Pointers to the invalid values, each prefixed with its location: `body/email`,
    /// `query/limit`.
    pub errors: Vec<String>,
}

impl Answer {
    /// Parses the body as JSON.
    ///
    /// # Panics
    /// When the body is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: the body is not JSON ({error})", self.described()))
    }

    /// The body as text, with invalid UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The URL of the new resource.
    ///
    /// # Panics
    /// When the `Location` header is missing.
    pub fn location(&self) -> String {
        assert!(
            !self.header("location").is_empty(),
            "{}: the Location header is missing",
            self.described()
        );
        self.header("location").to_owned()
    }

    /// Reads the problem from the body.
    ///
    /// # Panics
    /// When the body is not a problem.
    pub fn problem(&self) -> ProblemAnswer {
        let body = self.json();
        // OAuth errors are plain JSON (RFC 6749 §5.2).
        let expected = if body["error"].is_string() {
            "application/json"
        } else {
            "application/problem+json"
        };

        assert_eq!(
            self.header("content-type"),
            expected,
            "{}: the body is not a problem",
            self.described()
        );

        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = body["errors"].as_array().into_iter().flatten();

        ProblemAnswer {
            status: body["status"]
                .as_u64()
                .and_then(|status| status.try_into().ok())
                .unwrap_or_default(),
            code: text(&body["code"]),
            errors: errors
                .map(|error| text(&error["in"]) + &text(&error["pointer"]))
                .collect(),
        }
    }

    /// Asserts the status.
    ///
    /// # Panics
    /// When the status is another one.
    #[track_caller]
    pub fn assert_status(&self, expected: u16) -> &Self {
        assert_eq!(self.status.as_u16(), expected, "{}", self.described());
        self
    }

    /// Asserts the status and the problem code.
    ///
    /// # Panics
    /// When the response is anything else.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) -> &Self {
        self.assert_status(status);
        assert_eq!(self.problem().code, code, "{}", self.described());
        self
    }

    /// Request, status and the start of the body on one line, for messages.
    pub(crate) fn described(&self) -> String {
        const MOST: usize = 600;
        let text = self.text();
        let shown: String = text.chars().take(MOST).collect();
        format!("{} answered {} {shown}", self.request, self.status)
    }
}
