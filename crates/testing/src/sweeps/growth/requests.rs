//! The requests of the sweep: each operation, and each documented value of its query parameters.

use http::Method;
use percent_encoding::NON_ALPHANUMERIC;
use serde_json::Value;

use super::rows::varied;
use crate::{
    Call, Client,
    sweeps::{
        operations::Operation,
        organizations::{on_a_row, turn},
        sweep::Sweep,
    },
};

/// A valid request, apart from the ids in its path.
pub(super) struct Request {
    pub(super) operation: Operation,
    /// Empty, or a query with its question mark.
    query: String,
}

/// The requests of these operations, in an order in which each finds its rows.
pub(super) fn of(sweep: &Sweep, operations: &[Operation]) -> Vec<Request> {
    let mut ordered: Vec<_> = operations.iter().collect();
    ordered.sort_by_key(|it| (it.method != Method::GET, turn(it)));

    ordered
        .into_iter()
        .flat_map(|operation| variants(sweep, operation))
        .collect()
}

/// An operation with the parameters that it requires, and with each value of another one that has a
/// list of them.
fn variants(sweep: &Sweep, operation: &Operation) -> Vec<Request> {
    let required: Vec<_> = operation
        .required_query()
        .map(|(name, schema)| format!("{name}={}", in_query(&sweep.schemas.least(schema))))
        .collect();
    let request = |further: Option<String>| Request {
        operation: operation.clone(),
        query: query(required.iter().cloned().chain(further)),
    };

    let mut requests = vec![request(None)];
    for (name, schema) in &operation.query {
        let plain = sweep.schemas.plain(schema);
        let values = plain["enum"].as_array().into_iter().flatten();
        for value in values.filter_map(|value| value.as_str()) {
            if !operation.required_query().any(|(known, _)| known == name) {
                requests.push(request(Some(format!("{name}={value}"))));
            }
        }
    }

    requests
}

fn query(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!("?{}", parts.join("&")),
    }
}

/// A value of a query, in which everything is text.
fn in_query(value: &Value) -> String {
    match value.as_str() {
        Some(text) => percent_encoding::utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
        None => value.to_string(),
    }
}

impl Request {
    /// Name for messages.
    pub(super) fn name(&self) -> String {
        format!("{}{}", self.operation.name(), self.query)
    }

    pub(super) fn reads(&self) -> bool {
        self.operation.method == Method::GET && !self.operation.is_public()
    }

    pub(super) fn deletes(&self) -> bool {
        self.operation.method == Method::DELETE
    }

    /// The call, by an account that may lose its session or its membership by it.
    pub(super) async fn call(&self, sweep: &Sweep, path: &str) -> Call {
        let operation = &self.operation;
        let path = format!("{path}{}", self.query);

        if self.reads() || operation.is_public() || on_a_row(operation) {
            return valid_call(sweep, operation, &sweep.caller(operation), &path);
        }

        let caller = sweep.app.actor(operation.allowed_role()).await;
        // Its session and its permissions are now known to the process.
        caller.get("/v1/me").await;
        valid_call(sweep, operation, &caller, &path)
    }
}

/// A valid call whose names are unique.
fn valid_call(sweep: &Sweep, operation: &Operation, client: &Client, path: &str) -> Call {
    let call = client.request(operation.method.clone(), path);
    match &operation.body {
        Some((_, schema)) => {
            let body = varied(
                sweep.schemas.whole(schema),
                &format!("call-{}", sweep.attacks),
            );
            call.header("content-type", operation.content_type())
                .body(body.to_string())
        }
        None => call,
    }
}
