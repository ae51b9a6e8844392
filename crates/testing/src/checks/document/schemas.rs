//! What the document says about each schema.

use serde_json::Value;

/// Checks each schema.
pub fn check(document: &Value) {
    choices_are_enumerations(document);
    names_are_valid(document);
    texts_have_examples(document);
}

/// Every schema of the document and its location.
fn schemas(document: &Value) -> Vec<(String, Value)> {
    fn collect(place: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        let members = value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, inner)| (name.clone(), inner));

        let items = value
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(at, inner)| (at.to_string(), inner));

        for (name, inner) in members.chain(items) {
            collect(&format!("{place}/{name}"), inner, found);
        }

        if value.is_object() {
            found.push((place.to_owned(), value.clone()));
        }
    }

    let mut found = Vec::new();
    collect("", document, &mut found);

    found
}

/// Client generators turn `enum` into an enumeration, but not a list of `const`.
fn choices_are_enumerations(document: &Value) {
    for (place, schema) in schemas(document) {
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        assert!(
            choices.clone().all(|choice| choice.get("const").is_none()),
            "{place}"
        );
    }
}

fn names_are_valid(document: &Value) {
    for (place, schema) in schemas(document) {
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            assert!(
                properties.contains_key(name),
                "{place} requires the undefined member {name}"
            );
        }
    }

    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(
            !name.ends_with(|letter: char| letter.is_ascii_digit()),
            "{name}: two types share one name"
        );
    }
}

/// API tools build sample requests from the schemas: without an example, a sample customer is
/// called `"string"`.
fn texts_have_examples(document: &Value) {
    let mut found = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        texts(name, schema, &mut found);
    }

    assert!(found.len() > 50, "found only {} texts", found.len());

    let without: Vec<_> = found
        .iter()
        .filter(|(_, schema)| {
            ["enum", "const", "default", "examples"]
                .iter()
                .all(|key| schema[*key].is_null())
        })
        .map(|(path, _)| path)
        .collect();

    assert!(
        without.is_empty(),
        "add ``such as `…` `` to their documentation: {without:?}"
    );

    for (path, schema) in found {
        // Null is an example too, where a request had better do without.
        let examples = schema["examples"].as_array().into_iter().flatten();
        for example in examples.filter(|example| !example.is_null()) {
            let text = example
                .as_str()
                .unwrap_or_else(|| panic!("{path}: the example is not text"));
            let length = u64::try_from(text.chars().count()).unwrap();

            assert!(
                length >= schema["minLength"].as_u64().unwrap_or(0),
                "{path}: {text} is too short"
            );
            assert!(
                length <= schema["maxLength"].as_u64().unwrap_or(u64::MAX),
                "{path}: {text} is too long"
            );
        }
    }
}

/// Collects the text schemas below `schema` by their path.
fn texts(path: &str, schema: &Value, found: &mut Vec<(String, Value)>) {
    let kinds = [&schema["type"], &schema["type"][0], &schema["type"][1]];
    if kinds.iter().any(|kind| **kind == "string") {
        found.push((path.to_owned(), schema.clone()));
    }

    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        texts(&format!("{path}/{name}"), property, found);
    }

    for below in ["allOf", "anyOf", "oneOf"]
        .iter()
        .flat_map(|key| schema[*key].as_array().into_iter().flatten())
    {
        texts(path, below, found);
    }

    if schema["items"].is_object() {
        texts(&format!("{path}/items"), &schema["items"], found);
    }
}
