//! What a statement selects to read an entity.

use sea_query::{Alias, IntoTableRef as _, TableRef};

use crate::{Entity, PublicPart};

/// Whether an entity has sealed columns.
pub(crate) fn sealed<E: Entity>() -> bool {
    !E::SEALED.is_empty()
}

/// The columns of `t` that a statement selects to read an entity, with those of its data key, `k`.
pub(crate) fn selected<E: Entity>() -> String {
    let key = if sealed::<E>() {
        ", k.id, k.wrapped, k.subject_id"
    } else {
        ""
    };
    columns_of::<E>() + key
}

/// The columns of `t` without those of its data key.
pub(crate) fn columns_of<E: Entity>() -> String {
    E::COLUMNS
        .iter()
        .map(|column| format!("t.{column}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The join of `t` with its data key, `k`.
pub(crate) fn joined_keys<E: Entity>() -> &'static str {
    if sealed::<E>() {
        "JOIN mainstay.data_keys k ON k.id = t.data_key"
    } else {
        ""
    }
}

/// The condition for rows that have not been erased. Erased rows have lost their key.
///
/// It is on the row and not on `data_keys`, so that Postgres checks it again after waiting for a
/// row lock.
pub(crate) fn alive<E: Entity>() -> &'static str {
    if sealed::<E>() {
        " AND data_key IS NOT NULL"
    } else {
        ""
    }
}

/// The statement that reads one public row.
pub(crate) fn public<E: PublicPart>() -> String {
    format!(
        r"
            SELECT {selected}
            FROM {table} t {keys}
            WHERE t.id = $1 AND ({condition})
        ",
        selected = selected::<E>(),
        table = E::TABLE,
        keys = joined_keys::<E>(),
        condition = E::CONDITION,
    )
}

/// A table by its name, which has the schema before a dot unless that is `public`.
pub(crate) fn table(name: &'static str) -> TableRef {
    match name.split_once('.') {
        Some((schema, table)) => (Alias::new(schema), Alias::new(table)).into_table_ref(),
        None => Alias::new(name).into_table_ref(),
    }
}
