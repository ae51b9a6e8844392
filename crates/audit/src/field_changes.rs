//! Which fields an event changed, as a reader of the log sees them.

use std::collections::BTreeSet;

use mainstay_http::view;
use serde_json::{Map, Value};

/// A field that an event changed.
#[view]
pub(crate) struct FieldChange {
    /// Its name.
    field: String,
    /// Its value before; null when there was none.
    before: Value,
    /// Its value after; null when there is none.
    after: Value,
}

/// Columns that the platform keeps: they follow from the event itself.
const HIDDEN: [&str; 4] = ["data_key", "organization_id", "updated_at", "version"];

/// What a reader is shown of a value that only its data key opens.
const SEALED: &str = "[sealed]";

/// The fields in which the row before and the row after differ.
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

/// Postgres writes a `bytea` as `\x…`: ciphertext, which tells a reader nothing but its length.
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
    fn only_what_differs_is_shown_and_ciphertext_never() {
        let before = json!({ "status": "lead", "email": "\\x0101", "email_index": "\\x02", "tags": ["a"], "data_key": 1 });
        let after = json!({ "status": "active", "email": "\\x0102", "email_index": "\\x03", "tags": ["a"], "data_key": 1 });
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
