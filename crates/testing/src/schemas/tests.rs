//! Tests of the generated values.

use serde_json::{Value, json};

use super::*;

fn schemas() -> Schemas {
    Schemas::of(&json!({ "components": { "schemas": {
        "Name": { "type": "string", "minLength": 3, "maxLength": 5 },
        "Mood": { "oneOf": [{ "const": "good", "type": "string" }, { "const": "bad", "type": "string" }] },
    } } }))
}

fn note() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": { "$ref": "#/components/schemas/Name" },
            "mood": { "anyOf": [{ "$ref": "#/components/schemas/Mood" }, { "type": "null" }] },
            "count": { "type": ["integer", "null"], "minimum": 2, "maximum": 4 },
            "tags": { "type": "array", "items": { "type": "string", "maxLength": 2 }, "maxItems": 1 },
            "anything": true,
        },
    })
}

#[test]
fn values_follow_the_rules() {
    assert_eq!(schemas().least(&note()), json!({ "name": "aaa" }));
    assert_eq!(
        schemas().whole(&note()),
        json!({ "name": "aaa", "mood": "good", "count": 2, "tags": ["a"], "anything": "a" })
    );
}

#[test]
fn a_reference_names_a_known_row() {
    let mut schemas = schemas();
    let owner = json!({ "type": "string", "format": "uuid", "x-resource": "user", "examples": ["unknown"] });
    let schema = json!({ "type": "object", "properties": { "owners": { "type": "array", "items": owner } } });

    assert_eq!(
        schemas.references(&schema).into_iter().collect::<Vec<_>>(),
        ["user"]
    );

    schemas.refer_to("user", "id of a user");
    assert_eq!(
        schemas.whole(&schema),
        json!({ "owners": ["id of a user"] })
    );
}

#[test]
fn each_violation_breaks_one_rule() {
    let found: Vec<_> = schemas()
        .violations(&note())
        .into_iter()
        .map(|it| it.what)
        .collect();

    let expected = [
        " has the wrong type",
        "/no_such_member is unknown",
        "/name is missing",
        "/name has the wrong type",
        "/name is too long",
        "/name is too short",
        "/mood has the wrong type",
        "/mood is not one of the choices",
        "/count is too small",
        "/count is too large",
        "/tags/0 is too long",
        "/tags has too many items",
    ];

    assert!(
        !found.iter().any(|it| it.starts_with("/anything")),
        "{found:?}"
    );

    for what in expected {
        assert!(
            found.iter().any(|it| it == what),
            "{what} is missing from {found:?}"
        );
    }
}

#[test]
fn each_address_is_different() {
    let (schemas, email) = (schemas(), json!({ "type": "string", "format": "email" }));
    assert_ne!(schemas.least(&email), schemas.least(&email));
}
