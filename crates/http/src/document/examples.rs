//! Examples that a reader can send. Without them, tools show `"string"`, which is not a valid
//! address, token or name.
//!
//! An example comes, in this order, from the description (`such as …`), the format, a well-known
//! property name, or the name itself. To choose the example of a type or field, write it into the
//! doc comment: ``such as `Ada Lovelace` ``.

mod known_names;

use serde_json::{Map, Value, json};

use crate::{Kind, problem::body::title};

/// The name of a cursor in requests. Only listings create cursors, so there is no general example.
const CURSOR: &str = "cursor";

/// Adds an example to each string without one. `name` is the name of the property or type.
pub(super) fn given(name: &str, schema: Value) -> Value {
    match schema {
        Value::Object(members) => {
            let members: Map<_, _> = members
                .into_iter()
                .map(|(key, member)| given_below(name, key, member))
                .collect();
            with_example(name, members)
        }
        other => other,
    }
}

/// Adds examples to the nested schemas of a member.
fn given_below(name: &str, key: String, member: Value) -> (String, Value) {
    let member = match (key.as_str(), member) {
        ("properties" | "$defs", Value::Object(properties)) => properties
            .into_iter()
            .map(|(name, schema)| (name.clone(), given(&name, schema)))
            .collect(),
        ("items", schema) => given(name.strip_suffix('s').unwrap_or(name), schema),
        ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => schemas
            .into_iter()
            .map(|schema| given(name, schema))
            .collect(),
        (_, other) => other,
    };

    (key, member)
}

fn with_example(name: &str, mut schema: Map<String, Value>) -> Value {
    let is_text = match &schema.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        _ => false,
    };

    let has_value = ["enum", "const", "default", "example", "examples"]
        .iter()
        .any(|key| schema.contains_key(*key));
    if name == CURSOR {
        // An invented cursor would be refused, so the example of an optional cursor is null.
        if !has_value && is_nullable(&schema) {
            schema.insert("examples".to_owned(), json!([Value::Null]));
        }
    } else if is_text && !has_value {
        let described = schema
            .get("description")
            .and_then(Value::as_str)
            .and_then(named);
        let formatted = schema
            .get("format")
            .and_then(Value::as_str)
            .and_then(known_names::of_format);

        let known = described
            .or(formatted)
            .or_else(|| known_names::of_name(name))
            .map(str::to_owned);
        let example = known.unwrap_or_else(|| in_words(name));
        schema.insert("examples".to_owned(), json!([example]));
    }

    Value::Object(schema)
}

fn is_nullable(schema: &Map<String, Value>) -> bool {
    let kinds = schema.get("type").and_then(Value::as_array);
    kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind == "null"))
}

/// Turns `postal_address` into `Postal address`.
fn in_words(name: &str) -> String {
    let mut characters = name.replace('_', " ").chars().collect::<Vec<_>>();
    if let Some(first) = characters.first_mut() {
        first.make_ascii_uppercase();
    }

    characters.into_iter().collect()
}

/// Finds the example in a description: ``such as `x` ``, ``Always `x` ``, or the first of a list of
/// values.
fn named(description: &str) -> Option<&str> {
    let rest = ["such as `", "Always `", ": `"]
        .iter()
        .find_map(|opening| description.split_once(opening).map(|(_, it)| it));
    let rest = rest.or_else(|| description.strip_prefix('`'))?;

    rest.split_once('`')
        .map(|(example, _)| example)
        .filter(|example| !example.is_empty())
}

/// The example of a kind of problem.
pub(super) fn of_problem(kind: &Kind, speaks_oauth: bool) -> Value {
    let mut example = json!({
        "type": "about:blank",
        "title": title(kind.status),
        "status": kind.status.as_u16(),
        "code": kind.code,
        "detail": kind.detail,
        "request_id": known_names::UUID,
    });

    if kind.status.as_u16() == 422 {
        let error =
            json!({ "in": "body", "pointer": "/email", "detail": "expected an e-mail address" });
        example["errors"] = if kind.code == crate::INVALID_INPUT.code {
            json!([error])
        } else {
            Value::Null
        };
    }

    if speaks_oauth {
        example["error"] = kind.oauth_error().into();
        example["error_description"] = kind.detail.into();
    }

    if let Value::Object(members) = &mut example {
        members.retain(|_, member| !member.is_null());
    }

    json!({ "summary": kind.code, "value": example })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(name: &str, schema: Value) -> Value {
        given(name, schema)["examples"][0].clone()
    }

    #[test]
    fn an_example_is_taken_from_the_description() {
        let text = |description: &str| json!({ "type": "string", "description": description });
        assert_eq!(
            example("x", text("A name, such as `Ada Lovelace`.")),
            "Ada Lovelace"
        );
        assert_eq!(example("x", text("Always `Bearer`")), "Bearer");
        assert_eq!(example("x", text("`low`, `medium` or `high`.")), "low");
        assert_eq!(
            example("postal_address", text("Where mail arrives.")),
            "Postal address"
        );
        assert_eq!(
            example("state", text("The `state` that came back.")),
            known_names::of_name("state").unwrap()
        );
    }

    #[test]
    fn schemas_that_need_no_example_stay_unchanged() {
        for schema in [
            json!({ "type": "string", "enum": ["a"] }),
            json!({ "type": "string", "examples": ["b"] }),
            json!({ "type": "integer" }),
            json!({ "$ref": "#/components/schemas/Name" }),
        ] {
            assert_eq!(given("name", schema.clone()), schema);
        }
    }

    #[test]
    fn no_cursor_is_made_up() {
        let optional = json!({ "type": ["string", "null"] });
        assert_eq!(given("cursor", optional.clone())["examples"], json!([null]));
        assert!(given("next_cursor", optional)["examples"][0].is_string());

        let parameter = json!({ "type": "string" });
        assert_eq!(given("cursor", parameter.clone()), parameter);
    }

    #[test]
    fn properties_and_items_get_examples_by_their_names() {
        let schema = json!({ "type": "object", "properties": {
            "id": { "type": "string", "format": "uuid" },
            "permissions": { "type": "array", "items": { "type": "string" } },
        } });
        let given = given("Role", schema);
        assert_eq!(given["properties"]["id"]["examples"][0], known_names::UUID);
        assert_eq!(
            given["properties"]["permissions"]["items"]["examples"][0],
            known_names::of_name("permission").unwrap()
        );
    }
}
