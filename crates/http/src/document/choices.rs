//! Choices in the form that client generators understand: `type: string` with `enum`, instead of
//! the `const` for each variant that schemars writes.

use serde_json::{Map, Value};

/// Replaces each `oneOf` of string constants by one `enum`. The description lists their meanings.
pub(super) fn collapsed(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: Map<_, _> = members
                .into_iter()
                .map(|(name, value)| (name, collapsed(value)))
                .collect();
            collapsed_choice(members)
        }
        Value::Array(items) => items.into_iter().map(collapsed).collect(),
        other => other,
    }
}

fn collapsed_choice(mut schema: Map<String, Value>) -> Value {
    let Some(Value::Array(choices)) = schema.get("oneOf") else {
        return Value::Object(schema);
    };

    let words: Option<Vec<_>> = choices.iter().map(words_of).collect();
    let Some(words) = words.map(|words| words.concat()) else {
        return Value::Object(schema);
    };

    let meanings = choices
        .iter()
        .filter_map(meaning)
        .collect::<Vec<_>>()
        .join("\n");

    let description = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let description = [description, meanings.as_str()]
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n");

    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), Value::Array(words));
    if !description.is_empty() {
        schema.insert("description".to_owned(), description.into());
    }

    Value::Object(schema)
}

/// The strings of one alternative: its `const`, or its `enum`. `None` if it is not a choice of
/// strings.
fn words_of(choice: &Value) -> Option<Vec<Value>> {
    let words = match choice.get("const") {
        Some(word) => vec![word.clone()],
        None => choice.get("enum")?.as_array()?.clone(),
    };
    words.iter().all(Value::is_string).then_some(words)
}

fn meaning(choice: &Value) -> Option<String> {
    let word = choice.get("const")?.as_str()?;
    Some(format!(
        "- `{word}`: {}",
        choice.get("description")?.as_str()?
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn string_constants_become_one_enum() {
        let schema = json!({ "description": "How.", "oneOf": [
            { "const": "newest", "type": "string", "description": "Newest first." },
            { "enum": ["a", "b"], "type": "string" },
        ] });
        let expected = json!({
            "description": "How.\n\n- `newest`: Newest first.",
            "type": "string",
            "enum": ["newest", "a", "b"],
        });

        assert_eq!(
            collapsed(json!({ "x": [schema] })),
            json!({ "x": [expected] })
        );
    }

    #[test]
    fn other_alternatives_stay_unchanged() {
        for schema in [
            json!({ "oneOf": [{ "type": "string" }, { "const": "a" }] }),
            json!({ "oneOf": [{ "const": 1 }] }),
        ] {
            assert_eq!(collapsed(schema.clone()), schema);
        }
    }
}
