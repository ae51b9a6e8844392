//! The operations of an API document, in the form that the sweeps use.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use mainstay::Platform;
use mainstay_access::BuiltInRole;
use mainstay_http::{AccessRow, Requirement, access_matrix};
use serde_json::Value;

/// One operation.
#[derive(Clone)]
pub(super) struct Operation {
    pub(super) method: Method,
    /// The path, with parameters in braces.
    pub(super) path: String,
    pub(super) access: AccessRow,
    /// Content types and schema of its body.
    pub(super) body: Option<(Vec<String>, Value)>,
    /// Body limit in bytes, where the document sets one.
    pub(super) body_limit: Option<usize>,
    /// Names and schemas of its query parameters.
    pub(super) query: Vec<(String, Value)>,
    /// Names of those that a request must have.
    required: BTreeSet<String>,
    /// Resources of the rows in its path, by the name of the parameter.
    pub(super) rows: BTreeMap<String, String>,
    /// Schema of its 201 response.
    pub(super) created: Value,
    /// Documented problem codes by status; empty for a success.
    answers: BTreeMap<u16, Vec<String>>,
}

impl Operation {
    /// Reads all operations that `platform` documents.
    pub(super) fn all(platform: &Platform, document: &Value) -> Vec<Self> {
        let matrix = access_matrix(platform.modules());
        let paths = document["paths"].as_object().into_iter().flatten();
        let entries = paths.flat_map(|(path, item)| {
            item.as_object()
                .into_iter()
                .flatten()
                .map(move |(method, entry)| (path, method, entry))
        });

        entries
            .map(|(path, method, entry)| {
                let access = matrix
                    .iter()
                    .find(|row| entry["operationId"] == row.operation);

                Self {
                    method: method.to_uppercase().parse().expect("the method is valid"),
                    path: path.clone(),
                    access: access
                        .expect("the matrix has every documented operation")
                        .clone(),
                    body: body(entry),
                    body_limit: entry["requestBody"]["x-max-bytes"]
                        .as_u64()
                        .and_then(|most| most.try_into().ok()),
                    query: query(entry),
                    required: required(entry),
                    rows: rows(entry),
                    created: entry["responses"]["201"]["content"]["application/json"]["schema"]
                        .clone(),
                    answers: answers(entry),
                }
            })
            .collect()
    }

    /// Whether it belongs to a module of the app.
    pub(super) fn is_of_app(&self, platform: &Platform) -> bool {
        let operations = access_matrix(platform.features());
        operations
            .iter()
            .any(|row| row.operation == self.access.operation)
    }

    /// Name for messages.
    pub(super) fn name(&self) -> String {
        format!("{} ({} {})", self.access.operation, self.method, self.path)
    }

    /// Names and schemas of the query parameters that a request must have.
    pub(super) fn required_query(&self) -> impl Iterator<Item = &(String, Value)> {
        self.query
            .iter()
            .filter(|(name, _)| self.required.contains(name))
    }

    pub(super) fn is_public(&self) -> bool {
        self.access.requirement == Requirement::Public
    }

    /// Content type of its body.
    pub(super) fn content_type(&self) -> &str {
        self.body
            .as_ref()
            .and_then(|(types, _)| types.first())
            .map_or("application/json", String::as_str)
    }

    pub(super) fn takes_json(&self) -> bool {
        self.body.is_some() && self.content_type().ends_with("json")
    }

    /// The most powerful role that may call it.
    pub(super) fn allowed_role(&self) -> BuiltInRole {
        let allowed = BuiltInRole::ALL
            .into_iter()
            .find(|role| self.access.allows(*role));
        allowed.unwrap_or_else(|| panic!("{}: no built-in role may call it", self.name()))
    }

    /// Whether the document lists this response. `code` is empty for a success.
    pub(super) fn documents(&self, status: u16, code: &str) -> bool {
        let codes = self.answers.get(&status);
        codes.is_some_and(|codes| {
            (codes.is_empty() && code.is_empty()) || codes.iter().any(|known| known == code)
        })
    }
}

fn body(entry: &Value) -> Option<(Vec<String>, Value)> {
    let content = entry["requestBody"]["content"].as_object()?;
    let schema = content.values().next()?["schema"].clone();
    Some((content.keys().cloned().collect(), schema))
}

fn required(entry: &Value) -> BTreeSet<String> {
    let parameters = entry["parameters"].as_array().into_iter().flatten();

    parameters
        .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true)
        .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
        .collect()
}

fn query(entry: &Value) -> Vec<(String, Value)> {
    let parameters = entry["parameters"].as_array().into_iter().flatten();
    let in_query = parameters.filter(|parameter| parameter["in"] == "query");
    let named = in_query.map(|parameter| {
        (
            parameter["name"].as_str().unwrap_or_default().to_owned(),
            parameter["schema"].clone(),
        )
    });
    named.collect()
}

fn rows(entry: &Value) -> BTreeMap<String, String> {
    let parameters = entry["parameters"].as_array().into_iter().flatten();
    let in_path = parameters.filter(|parameter| parameter["in"] == "path");
    let rows = in_path.filter_map(|parameter| {
        let resource = parameter["schema"]["x-resource"].as_str()?;
        Some((parameter["name"].as_str()?.to_owned(), resource.to_owned()))
    });
    rows.collect()
}

fn answers(entry: &Value) -> BTreeMap<u16, Vec<String>> {
    let responses = entry["responses"].as_object().into_iter().flatten();
    let answers = responses.filter_map(|(status, response)| {
        let contents = response["content"].as_object().into_iter().flatten();
        let all = contents.filter_map(|(_, content)| content["schema"]["allOf"].as_array());
        let codes = all.flatten().flat_map(|part| {
            let codes = part["properties"]["code"]["enum"].as_array();
            codes
                .into_iter()
                .flatten()
                .filter_map(|code| Some(code.as_str()?.to_owned()))
        });
        Some((status.parse().ok()?, codes.collect()))
    });

    answers.collect()
}
