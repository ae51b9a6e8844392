//! One operation of the document: its inputs, responses and security.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    Declaration, Kind, Operation, Parameter, Requirement,
    declaration::Success,
    input::accepts,
    problem::body::{CONTENT_TYPE, OAUTH_CONTENT_TYPE},
};

/// The operation of a declaration.
pub(super) fn describe(
    tag: &str,
    declaration: &Declaration,
    operation: &Operation<'_>,
    problem: &Value,
) -> Value {
    let summary = declaration
        .documentation
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');

    let mut entry = json!({
        "operationId": declaration.operation,
        "summary": summary,
        "description": declaration.documentation,
        "tags": [tag],
        "responses": responses(operation, problem),
    });

    if !operation.parameters.is_empty() {
        entry["parameters"] = operation.parameters.iter().map(parameter).collect();
    }

    if let Some((content_types, schema)) = &operation.body {
        let content: Map<_, _> = content_types
            .iter()
            .map(|it| ((*it).to_owned(), json!({ "schema": schema })))
            .collect();
        entry["requestBody"] = json!({ "required": true, "content": content });
        if let Some(limit) = operation.body_limit {
            entry["requestBody"]["description"] = format!("At most {limit} bytes.").into();
            entry["requestBody"]["x-max-bytes"] = limit.into();
        }
    }

    match operation.requirement {
        // A client authenticates in the header or in the form. OpenAPI has no scheme for the form.
        Requirement::Public if operation.client_may_authenticate => {
            entry["security"] = json!([{ "client": [] }, {}])
        }
        Requirement::Public => entry["security"] = json!([]),
        Requirement::SignedIn => entry["security"] = any_credential(),
        Requirement::InPerson => entry["security"] = json!([{ "bearer": [] }, { "cookie": [] }]),
        Requirement::Permission(permission) => {
            entry["security"] = any_credential();
            entry["x-permission"] = permission.name.into();
            let text = format!(
                "{}\n\nRequires the permission `{}`.",
                declaration.documentation, permission.name
            );
            entry["description"] = text.into();
        }
    }

    if operation.fresh {
        let text = entry["description"].as_str().unwrap_or_default();
        entry["description"] = format!(
            "{text}\n\nSensitive: requires a sign-in or step-up within the last ten minutes."
        )
        .into();
    }

    entry
}

fn any_credential() -> Value {
    json!([{ "bearer": [] }, { "basic": [] }, { "cookie": [] }])
}

fn parameter(parameter: &Parameter) -> Value {
    let mut entry = json!({
        "name": parameter.name,
        "in": parameter.location.name(),
        "required": parameter.required,
        "schema": parameter.schema,
    });
    if let Some(description) = &parameter.description {
        entry["description"] = description.as_str().into();
    }
    entry
}

fn responses(operation: &Operation<'_>, problem: &Value) -> Value {
    let mut responses: BTreeMap<String, Value> = operation
        .success
        .iter()
        .map(|success| (success.status.as_str().to_owned(), answer(success)))
        .collect();

    let mut problems: BTreeMap<_, Vec<&Kind>> = BTreeMap::new();
    for kind in &operation.problems {
        problems.entry(kind.status.as_u16()).or_default().push(kind);
    }

    let content_type = if operation.speaks_oauth {
        OAUTH_CONTENT_TYPE
    } else {
        CONTENT_TYPE
    };

    for (status, kinds) in problems {
        let mut response = refusal(&operation.method, status, &kinds, (problem, content_type));
        let named = kinds.iter().map(|kind| {
            let name = example_name(kind, operation.speaks_oauth);
            (
                kind.code.to_owned(),
                json!({ "$ref": format!("#/components/examples/{name}") }),
            )
        });
        response["content"][content_type]["examples"] = named.collect::<Map<_, _>>().into();
        responses.insert(status.to_string(), response);
    }

    json!(responses)
}

/// The prefix of examples with the members of OAuth 2.
pub(super) const OAUTH: &str = "oauth.";

/// The name of a problem's example, which all operations share.
pub(super) fn example_name(kind: &Kind, speaks_oauth: bool) -> String {
    let prefix = if speaks_oauth { OAUTH } else { "" };
    format!("{prefix}{}.{}", kind.status.as_u16(), kind.code)
}

fn answer(success: &Success) -> Value {
    let mut headers = common_headers();
    for (name, description) in &success.headers {
        headers.insert((*name).to_owned(), header(description));
    }

    let mut entry = json!({
        "description": success.status.canonical_reason().unwrap_or_default(),
        "headers": headers,
    });

    if let Some((content_type, schema)) = &success.body {
        entry["content"] = json!({ *content_type: { "schema": schema } });
    }

    entry
}

fn refusal(
    method: &Method,
    status: u16,
    kinds: &[&Kind],
    (problem, content_type): (&Value, &str),
) -> Value {
    let lines: Vec<_> = kinds
        .iter()
        .map(|kind| format!("`{}`: {}", kind.code, kind.detail))
        .collect();
    let codes: Vec<_> = kinds.iter().map(|kind| kind.code).collect();

    let mut headers = common_headers();
    match status {
        401 => drop(headers.insert(
            "WWW-Authenticate".to_owned(),
            header("The authentication scheme, and what was wrong with the credential."),
        )),
        403 => drop(headers.insert(
            "WWW-Authenticate".to_owned(),
            header("For a bearer token: the scope that it lacks."),
        )),
        415 => {
            let name = accepts(method).unwrap_or("accept");
            headers.insert(capitalized(name), header("The accepted content types."));
        }
        429 | 503 => drop(headers.insert(
            "Retry-After".to_owned(),
            header("Seconds to wait before the next attempt."),
        )),
        _ => {}
    }

    json!({
        "description": lines.join("\n\n"),
        "headers": headers,
        "content": {
            content_type: {
                "schema": { "allOf": [problem, { "properties": { "code": { "enum": codes } } }] },
            },
        },
    })
}

/// Turns `accept-patch` into `Accept-Patch`.
fn capitalized(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn common_headers() -> Map<String, Value> {
    Map::from_iter([(
        "X-Request-Id".to_owned(),
        header("The id of the request, as in the logs and the audit log."),
    )])
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}
