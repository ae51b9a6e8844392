//! What is sealed, table by table: what a rotation of keys, an export and an erasure go by.
//!
//! An [`Entity`](crate::Entity) describes itself; a module that writes its tables by hand describes them by hand. A test compares both
//! with the schema, so that no sealed column is forgotten.

use mainstay_crypto::{Cell, IndexLength, Zeroizing};
use mainstay_kernel::Uuid;

/// A table as far as its rows describe people. An entity without a sealed column has neither `columns` nor `indexes`.
#[derive(Clone, Debug)]
pub struct SealedTable {
    /// Its name: with its schema before a dot, unless that is `public`.
    pub table: &'static str,
    /// What the audit log calls such a row.
    pub resource: &'static str,
    /// Its primary key, a `uuid`: the row that its cells are bound to.
    pub id: &'static str,
    /// The column that names the person whom the row describes.
    pub subject: &'static str,
    /// Whose row it is.
    pub scope: Scope,
    /// Which data key seals it.
    pub key: KeyHolder,
    /// Its sealed columns.
    pub columns: Vec<SealedColumn>,
    /// Its blind indexes.
    pub indexes: Vec<SealedIndex>,
    /// What becomes of a row when the person whom it describes is erased.
    pub erasure: Erasure,
}

/// Whose a row is, or a blind index: equal values of two organizations have unlike indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// That of its column `organization_id`.
    Organization,
    /// Above organizations: sealed for the nil id.
    Nowhere,
}

/// Where a row's data key is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHolder {
    /// In its own column `data_key`.
    Row,
    /// In the column `data_key` of a row of `table`, whose `id` stands in `column`: an account. Whoever writes such a
    /// row does it by [`Unscoped::change_sealed`](crate::Unscoped::change_sealed), for the account may get another key
    /// meanwhile.
    Other {
        /// The table of the row that holds the key.
        table: &'static str,
        /// The column that names that row.
        column: &'static str,
    },
}

/// What happens to a row when the person whom it describes is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// The row stays without key, sealed values and blind indexes, because other rows or the accounts need it.
    Empty,
    /// The row is deleted, because it contains only the person's data.
    Delete,
}

/// A column of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedColumn {
    /// Its name.
    pub column: &'static str,
    /// The table and column that its cells are bound to: its own, unless a statement moves a cell elsewhere as it is.
    pub bound_to: (&'static str, &'static str),
}

/// A column of blind indexes.
#[derive(Clone, Copy, Debug)]
pub struct SealedIndex {
    /// Its name.
    pub column: &'static str,
    /// The sealed column of the same row that it is made of.
    pub source: &'static str,
    /// The table and column that its values are bound to.
    pub bound_to: (&'static str, &'static str),
    /// Whether organizations have indexes of their own.
    pub scope: Scope,
    /// How much of the digest is kept.
    pub length: IndexLength,
    /// Whether each value stands in `unique_indexes` too, under each key of the ring. Whoever writes such a table
    /// writes them, and takes them away.
    pub claimed: bool,
    /// The normalised form of a value, from the plaintext of its cell; `None` when the plaintext is no such value.
    pub normalised: fn(&[u8]) -> Option<Zeroizing<String>>,
}

/// A column of private boxes ([`KeyRing::seal_private`](mainstay_crypto::KeyRing::seal_private)): no person's, but the
/// service's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivateColumn {
    /// Its table.
    pub table: &'static str,
    /// The table's primary key.
    pub id: &'static str,
    /// The SQL type of that.
    pub id_type: &'static str,
    /// The column.
    pub column: &'static str,
    /// What its boxes are sealed for.
    pub purpose: &'static str,
    /// The SQL expression over a row that gives, as `bytea`, the context its box is bound to.
    pub context: &'static str,
}

impl SealedTable {
    /// The joins from a row, `t`, to its data key, `k`.
    pub(crate) fn joined_key(&self) -> String {
        match self.key {
            KeyHolder::Row => "JOIN mainstay.data_keys k ON k.id = t.data_key".to_owned(),
            KeyHolder::Other { table, column } => {
                format!(
                    r"
                        JOIN {table} holder ON holder.id = t.{column}
                        JOIN mainstay.data_keys k ON k.id = holder.data_key
                    "
                )
            }
        }
    }

    /// Whether anything of it is sealed.
    pub fn is_sealed(&self) -> bool {
        !self.columns.is_empty()
    }
}

impl SealedColumn {
    /// A column whose cells are bound to where they stand.
    pub const fn at(table: &'static str, column: &'static str) -> Self {
        Self {
            column,
            bound_to: (table, column),
        }
    }

    /// Where the value of a row stands.
    pub(crate) fn cell(&self, organization: Uuid, row: Uuid) -> Cell<'static> {
        Cell {
            organization,
            table: self.bound_to.0,
            column: self.bound_to.1,
            row,
        }
    }
}
