//! Answers, and what tests assert of them.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// What a service answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
    /// The request's method and path, for messages.
    pub(crate) request: String,
}

/// The body of a problem (RFC 9457), as far as tests ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemAnswer {
    /// The status.
    pub status: u16,
    /// What a program goes by.
    pub code: String,
    /// JSON Pointers to the values that were refused, each behind its place: `body/email`, `query/limit`.
    pub errors: Vec<String>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{}: no JSON ({error})", self.described()))
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The URL of the new resource.
    ///
    /// # Panics
    /// When there is no `Location`.
    pub fn location(&self) -> String {
        assert!(
            !self.header("location").is_empty(),
            "{}: there is no Location",
            self.described()
        );
        self.header("location").to_owned()
    }

    /// The problem that was answered.
    ///
    /// # Panics
    /// When it is none.
    pub fn problem(&self) -> ProblemAnswer {
        let body = self.json();
        // OAuth clients read nothing else (RFC 6749 §5.2).
        let expected = if body["error"].is_string() {
            "application/json"
        } else {
            "application/problem+json"
        };

        assert_eq!(
            self.header("content-type"),
            expected,
            "{}: that is no problem",
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
    /// When it is another.
    #[track_caller]
    pub fn assert_status(&self, expected: u16) -> &Self {
        assert_eq!(self.status.as_u16(), expected, "{}", self.described());
        self
    }

    /// Asserts that this problem was answered.
    ///
    /// # Panics
    /// When it was something else.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, code: &str) -> &Self {
        self.assert_status(status);
        assert_eq!(self.problem().code, code, "{}", self.described());
        self
    }

    /// Request, status and body in one line, for messages.
    pub(crate) fn described(&self) -> String {
        const MOST: usize = 600;
        let text = self.text();
        let shown: String = text.chars().take(MOST).collect();
        format!("{} answered {} {shown}", self.request, self.status)
    }
}
