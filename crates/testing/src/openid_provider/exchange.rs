//! A request and its response.

use serde_json::Value;

/// A request.
pub(super) struct Request {
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) body: String,
}

/// A response.
pub(super) struct Response {
    pub(super) status: u16,
    /// Header lines, each with its line end.
    pub(super) headers: String,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn of(status: u16, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: String::new(),
            body,
        }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::of(status, body.to_string().into_bytes())
    }
}
