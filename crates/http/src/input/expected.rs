//! Descriptions of what a schema expects. An error says what was expected and where, and never
//! repeats the value itself, which may be a password in the wrong field.

use mainstay_kernel::LINE_PATTERN;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

/// The schema of an input, with all types inlined.
pub(super) struct Expected(Value);

/// A step from a value to one within it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'p> {
    /// The member of an object.
    Field(&'p str),
    /// The item of an array.
    Item(usize),
}

impl Expected {
    pub(super) fn of<T: JsonSchema>() -> Self {
        let mut settings = SchemaSettings::draft2020_12().for_deserialize();
        settings.inline_subschemas = true;
        settings.meta_schema = None;
        Self(
            settings
                .into_generator()
                .into_root_schema_for::<T>()
                .to_value(),
        )
    }

    /// Follows a path as far as the schema defines it. Returns a JSON Pointer (RFC 6901) and the
    /// schema there. The pointer ends before a name that is not in the schema, because the caller
    /// made it up.
    pub(super) fn follow<'p>(&self, path: impl IntoIterator<Item = Step<'p>>) -> (String, &Value) {
        let (mut pointer, mut schema) = (String::new(), &self.0);
        for step in path {
            let Some(inner) = within(schema, step) else {
                break;
            };
            schema = inner;
            match step {
                Step::Field(name) => pointer.push_str(&format!("/{}", escaped(name))),
                Step::Item(position) => pointer.push_str(&format!("/{position}")),
            }
        }

        (pointer, schema)
    }
}

/// Describes a schema, such as `an integer from 1 to 100`.
pub(super) fn words(schema: &Value) -> String {
    if let Some(constant) = schema.get("const") {
        return format!("`{}`", plain(constant));
    }
    if let Some(choices) = schema["enum"].as_array() {
        return one_of(choices);
    }

    let alternatives: Vec<_> = alternatives(schema).collect();
    if !alternatives.is_empty() {
        return joined(alternatives.into_iter().map(words).collect(), " or ");
    }

    match &schema["type"] {
        Value::String(name) => of_type(name, schema),
        Value::Array(names) => joined(
            names
                .iter()
                .filter_map(Value::as_str)
                .map(|name| of_type(name, schema))
                .collect(),
            " or ",
        ),
        _ => "another value".to_owned(),
    }
}

/// The names of an object's members.
pub(super) fn members(schema: &Value) -> Vec<&str> {
    let own = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str());
    own.chain(alternatives(schema).flat_map(members)).collect()
}

fn within<'s>(schema: &'s Value, step: Step<'_>) -> Option<&'s Value> {
    let own = match step {
        Step::Field(name) => schema["properties"].get(name),
        Step::Item(_) => schema.get("items"),
    };
    own.or_else(|| alternatives(schema).find_map(|schema| within(schema, step)))
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf", "allOf"]
        .iter()
        .filter_map(|keyword| schema[keyword].as_array())
        .flatten()
}

fn of_type(name: &str, schema: &Value) -> String {
    match name {
        "string" => string(schema),
        "integer" | "number" => number(name, schema),
        "boolean" => "true or false".to_owned(),
        "array" => format!(
            "an array{}",
            extent(schema, ["minItems", "maxItems"], "items")
        ),
        "object" => "an object".to_owned(),
        other => other.to_owned(),
    }
}

fn string(schema: &Value) -> String {
    let length = extent(schema, ["minLength", "maxLength"], "characters");

    match schema["format"].as_str() {
        Some("uuid") => "a UUID, hyphenated".to_owned(),
        Some("date") => "a date such as `2001-12-31`".to_owned(),
        Some("date-time") => {
            "a timestamp such as `2026-11-22T04:54:00.416002Z` (RFC 3339)".to_owned()
        }
        Some("time-local") => "a time of day such as `23:59:00`".to_owned(),
        Some("decimal") => "a decimal number such as `\"12.50\"`, as a string".to_owned(),
        Some("ip-network") => {
            "an IP address such as `192.0.2.1` or a network such as `192.0.2.0/24`".to_owned()
        }
        Some("email") => format!("an e-mail address{length}"),
        Some("password") => format!("a string{length}"),
        Some(format) => format!("a string of the format {format}{length}"),
        None if schema["contentEncoding"] == "base64" => format!("base64 with padding{length}"),
        None => match schema["pattern"].as_str() {
            Some(LINE_PATTERN) => format!("one line of text{length}"),
            Some(pattern) => format!("a string{length} that matches `{pattern}`"),
            None => format!("a string{length}"),
        },
    }
}

fn number(name: &str, schema: &Value) -> String {
    let range = match (bound(schema, "minimum"), bound(schema, "maximum")) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" of at least {least}"),
        (None, Some(most)) => format!(" of at most {most}"),
        (None, None) => String::new(),
    };

    let size = match schema["format"].as_str() {
        Some("int32" | "uint32") => " of 32 bits",
        Some("int64" | "uint64") => " of 64 bits",
        _ => "",
    };

    if name == "integer" {
        format!("an integer{size}{range}")
    } else {
        format!("a number{range}")
    }
}

fn extent(schema: &Value, [least, most]: [&str; 2], unit: &str) -> String {
    match (bound(schema, least), bound(schema, most)) {
        (Some(least), Some(most)) if least == most => format!(" of {least} {unit}"),
        (Some(least), Some(most)) => format!(" of {least} to {most} {unit}"),
        (Some(least), None) => format!(" of at least {least} {unit}"),
        (None, Some(most)) => format!(" of at most {most} {unit}"),
        (None, None) => String::new(),
    }
}

fn bound(schema: &Value, keyword: &str) -> Option<String> {
    schema.get(keyword).map(ToString::to_string)
}

fn one_of(choices: &[Value]) -> String {
    let words: Vec<_> = choices
        .iter()
        .map(|choice| format!("`{}`", plain(choice)))
        .collect();
    if let [only] = words.as_slice() {
        only.clone()
    } else {
        format!("one of {}", words.join(", "))
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn joined(mut words: Vec<String>, between: &str) -> String {
    words.dedup();
    words.join(between)
}

/// Escapes a name for a JSON Pointer (RFC 6901 §3).
fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_described_in_words() {
        for (schema, expected) in [
            (
                json!({ "type": "integer", "minimum": 1, "maximum": 100 }),
                "an integer from 1 to 100",
            ),
            (
                json!({ "type": ["string", "null"], "maxLength": 5 }),
                "a string of at most 5 characters or null",
            ),
            (
                json!({ "type": "string", "enum": ["a", "b"] }),
                "one of `a`, `b`",
            ),
            (
                json!({ "anyOf": [{ "type": "boolean" }, { "type": "null" }] }),
                "true or false or null",
            ),
            (
                json!({ "type": "string", "format": "uuid", "minLength": 36 }),
                "a UUID, hyphenated",
            ),
            (
                json!({ "type": "array", "maxItems": 3 }),
                "an array of at most 3 items",
            ),
            (
                json!({ "oneOf": [{ "const": "x" }, { "const": "y" }] }),
                "`x` or `y`",
            ),
            (json!(true), "another value"),
        ] {
            assert_eq!(words(&schema), expected, "{schema}");
        }
    }

    #[test]
    fn a_path_is_followed_as_far_as_the_schema_defines_it() {
        let schema = json!({ "properties": { "a/b": { "items": { "anyOf": [
            { "properties": { "text": { "type": "string" } } }, { "type": "null" },
        ] } } } });
        let expected = Expected(schema);
        let path = [Step::Field("a/b"), Step::Item(2), Step::Field("text")];
        let (pointer, schema) = expected.follow(path);

        assert_eq!(
            (pointer.as_str(), words(schema).as_str()),
            ("/a~1b/2/text", "a string")
        );
        assert_eq!(
            expected
                .follow([Step::Field("hunter2"), Step::Field("text")])
                .0,
            ""
        );
    }
}
