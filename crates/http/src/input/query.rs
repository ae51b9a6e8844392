//! The query string.

use schemars::Schema;
use serde_json::{Value, json};

use super::{Input, Shape, parameters};
use crate::{INVALID_INPUT, Location, MALFORMED, Operation, Parameter, Problem, Request};

/// The query string. It must not contain personal data, because URLs end up in logs and histories
/// (OWASP ASVS 14.2.1).
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: Shape> Input for Query<T> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        parameters::read("query", request.parts.uri.query().unwrap_or_default()).map(Self)
    }

    fn describe(operation: &mut Operation<'_>) {
        for (name, mut schema, required) in operation.schemas.properties::<T>() {
            let description = schema
                .remove("description")
                .and_then(|text| Some(text.as_str()?.to_owned()));

            // An optional parameter cannot be null: a query string has no null.
            drop_null(&mut schema);

            operation.parameters.push(Parameter {
                location: Location::Query,
                name,
                required,
                description,
                schema,
            });
        }

        operation.answers(&[MALFORMED, INVALID_INPUT]);
    }
}

fn drop_null(schema: &mut Schema) {
    let null = json!("null");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| *name != null);
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }

    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice["type"] != null);
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            only.into_iter()
                .for_each(|(key, value)| drop(schema.insert(key, value)));
        }
    }
}
