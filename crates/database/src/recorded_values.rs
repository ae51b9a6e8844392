//! The values of a row that its audit record has.

use crate::{Entity, EntityScope as _, selection::sealed};

/// The recorded values of a deleted row, without blind indexes, because these would confirm guesses
/// after the key is destroyed.
pub(crate) fn shown<E: Entity>(row: &str) -> String {
    let minus = if E::BLIND_INDEXES.is_empty() {
        String::new()
    } else {
        format!(" - '{{{}}}'::text[]", E::BLIND_INDEXES.join(", "))
    };

    format!("to_jsonb({row}){minus}")
}

/// The recorded values of a changed row: the changed columns, the version and the data key. Other
/// columns are in earlier records; whole rows with sealed values would take two kilobytes each,
/// twice.
pub(crate) fn set<E: Entity>(row: &str, columns: &[&'static str]) -> String {
    let shown = columns
        .iter()
        .filter(|column| !E::BLIND_INDEXES.contains(column))
        .copied();
    kept(
        row,
        shown
            .chain(["version"])
            .chain(sealed::<E>().then_some("data_key")),
    )
}

/// The recorded values of a new row: its columns, without blind indexes.
pub(crate) fn written<E: Entity>(row: &str) -> String {
    kept(
        row,
        E::COLUMNS
            .iter()
            .copied()
            .chain(E::Scope::SCOPE.column())
            .chain(sealed::<E>().then_some("data_key")),
    )
}

fn kept<'a>(row: &str, columns: impl Iterator<Item = &'a str>) -> String {
    let columns: Vec<_> = columns.map(|column| format!("{row}.{column}")).collect();
    format!(
        "(SELECT to_jsonb(kept) FROM (SELECT {}) AS kept)",
        columns.join(", ")
    )
}
