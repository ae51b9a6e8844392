//! The OpenAPI 3.1 document: written from what policies, inputs and answers say of themselves, so that it cannot say
//! anything else.

mod choices;
mod examples;

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use crate::{
    Declaration, Kind, Module, Operation, Parameter, Requirement, SESSION_COOKIE,
    declaration::Success,
    input::accepts,
    problem::{CONTENT_TYPE, OAUTH_CONTENT_TYPE, ProblemBody},
    schemas::Schemas,
};

/// What the document says of the service as a whole.
#[derive(Clone, Debug)]
pub struct Info {
    /// The service's name.
    pub title: &'static str,
    /// The service's version.
    pub version: &'static str,
    /// What it is for.
    pub description: &'static str,
}

/// The document of all endpoints of `modules`, its members in alphabetical order whatever else is built with it.
pub fn document(info: &Info, modules: &[Module]) -> Value {
    sorted(with_examples(choices::collapsed(written(info, modules))))
}

/// The document with an example for each text that somebody may have to write.
fn with_examples(mut document: Value) -> Value {
    if let Value::Object(schemas) = document["components"]["schemas"].take() {
        let schemas: Map<_, _> = schemas
            .into_iter()
            .map(|(name, it)| (name.clone(), examples::given(&name, it)))
            .collect();
        document["components"]["schemas"] = schemas.into();
    }

    let items = document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut);
    let operations = items
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut);
    for parameter in operations
        .filter_map(|operation| operation.get_mut("parameters")?.as_array_mut())
        .flatten()
    {
        let name = parameter["name"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase();
        parameter["schema"] = examples::given(&name, parameter["schema"].take());
    }

    document
}

/// A feature of `serde_json` that any crate may turn on keeps members as they come.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

fn written(info: &Info, modules: &[Module]) -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.output::<ProblemBody<'static>>();
    let mut problems = BTreeMap::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for module in modules {
        for declaration in module.declarations() {
            let operation = declaration.operation(&mut schemas);
            let told = operation
                .problems
                .iter()
                .map(|kind| (example_name(kind, operation.speaks_oauth), *kind));
            problems.extend(told);
            let entry = describe(module.name(), declaration, &operation, problem.as_value());
            paths
                .entry(declaration.path)
                .or_default()
                .insert(declaration.method.as_str().to_lowercase(), entry);
        }
    }

    let tags: Vec<_> = modules
        .iter()
        .map(|module| json!({ "name": module.name() }))
        .collect();

    json!({
        "openapi": "3.1.0",
        "info": { "title": info.title, "version": info.version, "description": info.description },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "examples": problems.iter().map(|(name, kind)| (name.clone(), examples::of_problem(kind, name.starts_with(OAUTH)))).collect::<Map<_, _>>(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "The `access_token` of `POST /v1/sessions` or of `POST /oauth/token`, or an API key.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "An API key as the password; the user name does not matter.",
                },
                "client": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "An OAuth client's id and secret (RFC 6749 §2.3.1); both may stand in the form instead.",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": SESSION_COOKIE,
                    "description": "The session of a browser, from `POST /v1/sessions` with `\"cookie\": true`.",
                },
            },
        },
    })
}

fn describe(
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
        // A client shows who it is in the header or in the form, which a document cannot say as a scheme.
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
                "{}\n\nNeeds the permission `{}`.",
                declaration.documentation, permission.name
            );
            entry["description"] = text.into();
        }
    }

    if operation.fresh {
        let text = entry["description"].as_str().unwrap_or_default();
        entry["description"] = format!(
            "{text}\n\nSensitive: needs a sign-in or a step-up within the last ten minutes."
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

/// What problems in the words of OAuth are called among the examples.
const OAUTH: &str = "oauth.";

/// Where the example of a problem stands: each of one code looks the same, whatever answers it.
fn example_name(kind: &Kind, speaks_oauth: bool) -> String {
    let words = if speaks_oauth { OAUTH } else { "" };
    format!("{words}{}.{}", kind.status.as_u16(), kind.code)
}

fn answer(success: &Success) -> Value {
    let mut headers = standing_headers();
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
    let mut headers = standing_headers();
    match status {
        401 => drop(headers.insert(
            "WWW-Authenticate".to_owned(),
            header("The scheme to sign in with, and what was wrong."),
        )),
        403 => drop(headers.insert(
            "WWW-Authenticate".to_owned(),
            header("Where a bearer token was shown: what it lacks."),
        )),
        415 => {
            let name = accepts(method).unwrap_or("accept");
            headers.insert(in_words(name), header("The content types that are taken."));
        }
        429 | 503 => drop(headers.insert(
            "Retry-After".to_owned(),
            header("Seconds to wait before the next try."),
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

/// `Accept-Patch` for `accept-patch`.
fn in_words(name: &str) -> String {
    let word = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

fn standing_headers() -> Map<String, Value> {
    Map::from_iter([(
        "X-Request-Id".to_owned(),
        header("The request, as in the logs and the audit log."),
    )])
}

fn header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}
