//! The filters in the audit record of a listing.

use serde_json::Value;

/// Removes unset filters, for the audit record of a listing. The record is permanent.
pub fn recorded_filters(filters: Value) -> Value {
    let members = filters.as_object().cloned().unwrap_or_default();
    Value::Object(
        members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .collect(),
    )
}

/// A name as typed by the caller, for the audit record; `another` if it is not shaped like a name.
pub fn recorded_name(typed: Option<&str>) -> Option<&str> {
    let is_name = |text: &str| {
        text.chars()
            .all(|letter| letter.is_ascii_lowercase() || "._".contains(letter))
    };

    typed.map(|text| if is_name(text) { text } else { "another" })
}
