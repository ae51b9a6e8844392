//! The OpenAPI 3.1 document. It is generated from the declarations of policies, inputs and answers,
//! so it matches the behaviour.

mod choices;
mod examples;
mod operation;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::operation::{OAUTH, describe, example_name};
use crate::{Declaration, Module, SESSION_COOKIE, problem::body::ProblemBody, schemas::Schemas};

/// The `info` object of the document.
#[derive(Clone, Debug)]
pub struct Info {
    /// The service's name.
    pub title: &'static str,
    /// The service's version.
    pub version: &'static str,
    /// A description of the service.
    pub description: &'static str,
}

/// The endpoints of a module, which have its name as their tag.
#[derive(Clone)]
pub(crate) struct Tag {
    name: &'static str,
    declarations: Vec<Declaration>,
}

impl Tag {
    pub(crate) fn of(module: &Module) -> Self {
        Self {
            name: module.name(),
            declarations: module.declarations().to_vec(),
        }
    }
}

/// Generates the document of all endpoints. Members are in alphabetical order, whichever features of
/// `serde_json` the build enables.
pub(crate) fn document(info: &Info, tags: &[Tag]) -> Value {
    sorted(with_examples(choices::collapsed(generate(info, tags))))
}

/// Adds an example to each string that a client may have to write.
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

/// Sorts the members: with the `preserve_order` feature of `serde_json`, which any crate may
/// enable, they keep the order of insertion.
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

fn generate(info: &Info, tags: &[Tag]) -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.output::<ProblemBody<'static>>();
    let mut problems = BTreeMap::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();

    for tag in tags {
        for declaration in &tag.declarations {
            let operation = declaration.operation(&mut schemas);
            let named = operation
                .problems
                .iter()
                .map(|kind| (example_name(kind, operation.speaks_oauth), *kind));
            problems.extend(named);

            let entry = describe(tag.name, declaration, &operation, problem.as_value());
            paths
                .entry(declaration.path)
                .or_default()
                .insert(declaration.method.as_str().to_lowercase(), entry);
        }
    }

    let tags: Vec<_> = tags.iter().map(|tag| json!({ "name": tag.name })).collect();
    let examples: Map<_, _> = problems
        .iter()
        .map(|(name, kind)| {
            let example = examples::of_problem(kind, name.starts_with(OAUTH));
            (name.clone(), example)
        })
        .collect();

    json!({
        "openapi": "3.1.0",
        "info": { "title": info.title, "version": info.version, "description": info.description },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.into_components(),
            "examples": examples,
            "securitySchemes": security_schemes(),
        },
    })
}

fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "The `access_token` of `POST /v1/sessions` or of `POST /oauth/token`, or an API key.",
        },
        "basic": {
            "type": "http",
            "scheme": "basic",
            "description": "An API key as the password. The user name is ignored.",
        },
        "client": {
            "type": "http",
            "scheme": "basic",
            "description": "An OAuth client's id and secret (RFC 6749 §2.3.1). Both may be sent in the form instead.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": SESSION_COOKIE,
            "description": "The session of a browser, from `POST /v1/sessions` with `\"cookie\": true`.",
        },
    })
}
