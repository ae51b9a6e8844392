//! What the record of a reading says about its filters.

use serde_json::Value;

/// What the record of a reading says was asked for: the filters that were used. It stands in the log for good.
pub fn recorded_filters(filters: Value) -> Value {
    let members = filters.as_object().cloned().unwrap_or_default();
    Value::Object(
        members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
    )
}

/// What somebody typed as the name of something: told only when it is shaped like one.
pub fn recorded_name(typed: Option<&str>) -> Option<&str> {
    let is_name = |text: &str| {
        text.chars()
            .all(|letter| letter.is_ascii_lowercase() || "._".contains(letter))
    };
    typed.map(|text| if is_name(text) { text } else { "another" })
}
