//! The statements of an entity, which `entity_statements.rs` composes.

/// The statements of one entity type.
#[doc(hidden)]
pub struct Statements {
    pub(crate) names: Names,
    /// `$1` id, `$2` owner.
    pub(crate) find: String,
    /// The same for a sealed row whose data key is cached: the last column is the key's ID.
    pub(crate) find_under: String,
    /// The record; `$12` id.
    pub(crate) reveal: String,
    /// The record; if sealed: `$12` key, `$13` subject, `$14` wrapped; then the values; then the
    /// claims of unique values.
    pub(crate) insert: String,
    /// The record; `$12` id, `$13` version or null.
    pub(crate) delete: String,
    /// `$1` id, `$2` owner.
    pub(crate) find_key: String,
    /// The columns of `t` that a statement selects to read an entity: its own, and those of its
    /// data key if it is sealed.
    pub(crate) selected: String,
}

/// The statements' names for traces and metrics.
pub(crate) struct Names {
    pub(crate) find: &'static str,
    pub(crate) page: &'static str,
    pub(crate) reveal: &'static str,
    pub(crate) insert: &'static str,
    pub(crate) update: &'static str,
    pub(crate) delete: &'static str,
    pub(crate) erase: &'static str,
    pub(crate) export: &'static str,
}
