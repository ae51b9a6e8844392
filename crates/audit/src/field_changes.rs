//! The fields that an event changed, in the form in which readers of the log see them.

use std::collections::BTreeSet;

use mainstay_http::view;
use serde_json::{Map, Value};

/// A field that an event changed.
#[view]
pub(crate) struct FieldChange {
    /// Name of the field.
    field: String,
    /// Value before the event; null if there was none.
    before: Value,
    /// Value after the event; null if there is none.
    after: Value,
}

/// Columns that the platform maintains; they are implied by the event.
const HIDDEN: [&str; 4] = ["data_key", "organization_id", "updated_at", "version"];

/// Placeholder for a value that is encrypted under a data key.
const SEALED: &str = "[sealed]";

/// The fields that differ between the row before and after the event.
pub(crate) fn changes(before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    let empty = Map::new();
    let fields = |row: Option<&Value>| row.and_then(Value::as_object).unwrap_or(&empty).clone();
    let (before, after) = (fields(before), fields(after));

    let names: BTreeSet<_> = before
        .keys()
        .chain(after.keys())
        .filter(|name| !HIDDEN.contains(&name.as_str()))
        .collect();

    names
        .into_iter()
        .filter(|name| !name.ends_with("_index"))
        .map(|name| {
            (
                name,
                before.get(name).unwrap_or(&Value::Null),
                after.get(name).unwrap_or(&Value::Null),
            )
        })
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| FieldChange {
            field: name.clone(),
            before: shown(before),
            after: shown(after),
        })
        .collect()
}

/// Replaces ciphertext, a `bytea` that Postgres writes as `\x…`, by a placeholder.
fn shown(value: &Value) -> Value {
    match value.as_str() {
        Some(text) if text.starts_with("\\x") => SEALED.into(),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_changed_fields_are_shown_and_never_ciphertext() {
        let before = json!({
            "status": "lead",
            "email": "\\x0101",
            "email_index": "\\x02",
            "tags": ["a"],
            "data_key": 1,
        });
        let after = json!({
            "status": "active",
            "email": "\\x0102",
            "email_index": "\\x03",
            "tags": ["a"],
            "data_key": 1,
        });

        let shown: Vec<_> = changes(Some(&before), Some(&after))
            .into_iter()
            .map(|change| (change.field, change.before, change.after))
            .collect();

        assert_eq!(
            shown,
            [
                ("email".to_owned(), json!("[sealed]"), json!("[sealed]")),
                ("status".to_owned(), json!("lead"), json!("active")),
            ]
        );
    }
}
