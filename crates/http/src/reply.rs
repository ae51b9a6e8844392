//! The HTTP response, and serialization as JSON.

use axum::body::Body;
use serde::Serialize;

/// The HTTP response of an endpoint.
pub(crate) type Reply = http::Response<Body>;

/// Serializes one of our own types as JSON. Their keys are strings and their `Serialize` never
/// fails, so this does not fail either.
pub(crate) fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| {
        tracing::error!(%error, "response could not be serialized as JSON");
        Vec::new()
    })
}
