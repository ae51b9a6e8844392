//! Choices as generators understand them: `type: string` with `enum`, where schemars writes a `const` for each word.

use serde_json::{Map, Value};

/// The document with each `oneOf` of words as one `enum`. What the words mean is told in the description.
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
    let described = [description, meanings.as_str()]
        .into_iter()
        .filter(|text| !text.is_empty());

    let described = described.collect::<Vec<_>>().join("\n\n");
    schema.remove("oneOf");
    schema.insert("type".to_owned(), "string".into());
    schema.insert("enum".to_owned(), Value::Array(words));

    if !described.is_empty() {
        schema.insert("description".to_owned(), described.into());
    }

    Value::Object(schema)
}

/// The words of one alternative: its `const`, or its `enum`. `None` when it is no choice of words.
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
    fn words_become_one_enumeration() {
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
    fn other_alternatives_stay() {
        for schema in [
            json!({ "oneOf": [{ "type": "string" }, { "const": "a" }] }),
            json!({ "oneOf": [{ "const": 1 }] }),
        ] {
            assert_eq!(collapsed(schema.clone()), schema);
        }
    }
}
