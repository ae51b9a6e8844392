//! A request and its answer.

use serde_json::Value;

/// A request: what was asked for.
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) authorization: String,
    pub(super) body: String,
}

/// An answer in the making.
pub(super) struct Answered {
    pub(super) status: u16,
    /// Each with its line end.
    pub(super) headers: String,
    pub(super) body: Vec<u8>,
}

impl Answered {
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
