//! Examples that a reader can send: without them tools write `"string"`, which is no address, no token and no name.
//!
//! An example comes from what is there already: what the description names (`such as …`), the format, the property's name
//! where it is one that everybody knows, and last the words of the name. A type or a field gives a better one by its doc comment: ``such as `Ada Lovelace` ``.

mod words;

use serde_json::{Map, Value, json};

use crate::{Kind, problem::title};

/// The schema with an example for each text that has none: `name` is the property's, or the type's.
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

/// The members of a schema that hold schemas, each under its own name.
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

    let says = ["enum", "const", "default", "example", "examples"]
        .iter()
        .any(|key| schema.contains_key(*key));
    if is_text && !says {
        let described = schema
            .get("description")
            .and_then(Value::as_str)
            .and_then(named);
        let formatted = schema
            .get("format")
            .and_then(Value::as_str)
            .and_then(words::of_format);

        let known = described
            .or(formatted)
            .or_else(|| words::of_name(name))
            .map(str::to_owned);
        let example = known.unwrap_or_else(|| in_words(name));
        schema.insert("examples".to_owned(), json!([example]));
    }

    Value::Object(schema)
}

/// `Postal address` for `postal_address`.
fn in_words(name: &str) -> String {
    let mut letters = name.replace('_', " ").chars().collect::<Vec<_>>();
    if let Some(first) = letters.first_mut() {
        first.make_ascii_uppercase();
    }
    letters.into_iter().collect()
}

/// What a description names as an example: ``such as `x` ``, ``Always `x` ``, or the first of a list of words.
fn named(description: &str) -> Option<&str> {
    let rest = ["such as `", "Always `", ": `"]
        .iter()
        .find_map(|opening| description.split_once(opening).map(|(_, it)| it));
    let rest = rest.or_else(|| description.strip_prefix('`'))?;
    rest.split_once('`')
        .map(|(example, _)| example)
        .filter(|example| !example.is_empty())
}

/// What a kind of problem looks like: its own status, code and words.
pub(super) fn of_problem(kind: &Kind, speaks_oauth: bool) -> Value {
    let mut example = json!({
        "type": "about:blank",
        "title": title(kind.status),
        "status": kind.status.as_u16(),
        "code": kind.code,
        "detail": kind.detail,
        "request_id": words::UUID,
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
    fn documentation_is_the_example() {
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
            words::of_name("state").unwrap()
        );
    }

    #[test]
    fn what_says_more_stays() {
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
    fn properties_and_items_go_by_their_names() {
        let schema = json!({ "type": "object", "properties": {
            "id": { "type": "string", "format": "uuid" },
            "permissions": { "type": "array", "items": { "type": "string" } },
        } });
        let given = given("Role", schema);
        assert_eq!(given["properties"]["id"]["examples"][0], words::UUID);
        assert_eq!(
            given["properties"]["permissions"]["items"]["examples"][0],
            words::of_name("permission").unwrap()
        );
    }
}
