//! The statements of an entity as they are kept: `entity_statements.rs` writes them.

/// The statements of one entity type.
#[doc(hidden)]
pub struct Statements {
    pub(crate) names: Names,
    /// `$1` id, `$2` organization.
    pub(crate) find: String,
    /// The same for a sealed row whose data key is at hand: the last column is the key's id.
    pub(crate) find_under: String,
    /// The record; `$12` id.
    pub(crate) reveal: String,
    /// The record; where sealed: `$12` key, `$13` subject, `$14` wrapped; then the values.
    pub(crate) insert: String,
    /// The record; `$12` id, `$13` version or null.
    pub(crate) delete: String,
    /// `$1` id, `$2` organization.
    pub(crate) find_key: String,
    /// What a statement selects of `t` to read an entity: its columns, and its key where it is sealed.
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
