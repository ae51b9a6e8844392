//! Descriptions of sealed tables, which key rotation, export and erasure use.
//!
//! An [`Entity`](crate::Entity) describes itself. A module that writes its own statements describes
//! its tables itself. A test compares both with the schema, so that no sealed column is forgotten.

use mainstay_crypto::{Cell, IndexLength, Zeroizing};
use mainstay_kernel::Uuid;

/// A table whose rows describe people. An entity without sealed columns has neither `columns` nor
/// `indexes`.
#[derive(Clone, Debug)]
pub struct SealedTable {
    /// Name of the table, qualified with its schema unless that is `public`.
    pub table: &'static str,
    /// Name of its rows in the audit log.
    pub resource: &'static str,
    /// The primary key, a `uuid`, to which cells are bound.
    pub id: &'static str,
    /// The column with the ID of the person whom the row describes.
    pub subject: &'static str,
    /// To whom the rows belong.
    pub scope: Scope,
    /// Where the data key is found.
    pub key: KeyHolder,
    /// The sealed columns.
    pub columns: Vec<SealedColumn>,
    /// The blind indexes.
    pub indexes: Vec<SealedIndex>,
    /// What becomes of a row when the person whom it describes is erased.
    pub erasure: Erasure,
}

/// To whom a row or blind index belongs. Equal values of two organizations, or of two people, have
/// different indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The organization in the column `organization_id`.
    Organization,
    /// The account in the column `user_id`. The row has a data key of its own, and its values are
    /// bound to the account.
    Person,
    /// The platform: reference data, sealed with the nil ID.
    Platform,
    /// No organization: the accounts, and what is sealed under their keys, with the nil ID.
    Nowhere,
}

/// Which row refers to the data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyHolder {
    /// The row itself, in its column `data_key`.
    Row,
    /// A row of another table, such as an account. Write such rows with
    /// [`Sql::change_sealed`](crate::Sql::change_sealed), because the account may get
    /// another key meanwhile.
    Other {
        /// The table of the row that holds the key.
        table: &'static str,
        /// The column with the ID of that row.
        column: &'static str,
    },
}

/// What happens to a row when the person whom it describes is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erasure {
    /// The row stays without key, sealed values and blind indexes, because other rows or the
    /// accounts need it.
    Empty,
    /// The row is deleted, because it contains only the person's data.
    Delete,
}

/// A sealed column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedColumn {
    /// Name of the column.
    pub column: &'static str,
    /// The table and column that its cells are bound to: its own, unless a statement copies cells
    /// from another column.
    pub bound_to: (&'static str, &'static str),
}

/// A column of blind indexes.
#[derive(Clone, Copy, Debug)]
pub struct SealedIndex {
    /// Name of the column.
    pub column: &'static str,
    /// The sealed column of the same row from which it is computed.
    pub source: &'static str,
    /// The table and column that its values are bound to.
    pub bound_to: (&'static str, &'static str),
    /// Whether each organization has different indexes.
    pub scope: Scope,
    /// How much of the digest is stored.
    pub length: IndexLength,
    /// Whether two rows may have the same value.
    pub uniqueness: Uniqueness,
    /// The normalised form of a value, from the plaintext of its cell; `None` if the plaintext is
    /// invalid.
    pub normalised: fn(&[u8]) -> Option<Zeroizing<String>>,
}

/// Whether two rows may have the same value in an indexed column. Unique values are also in
/// `unique_indexes`, under each key of the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// They may.
    None,
    /// They may not. The module's own statements insert and delete the rows of `unique_indexes`.
    Module,
    /// They may not: the constraint with this name forbids it. The door's statements insert the
    /// rows of `unique_indexes`, and a trigger on the table deletes them.
    Constraint(&'static str),
}

impl Uniqueness {
    /// Whether values are in `unique_indexes`.
    pub(crate) fn is_claimed(self) -> bool {
        self != Self::None
    }

    /// The constraint that claims name.
    pub(crate) fn constraint(self) -> Option<&'static str> {
        match self {
            Self::Constraint(name) => Some(name),
            Self::None | Self::Module => None,
        }
    }
}

/// A column of private boxes ([`KeyRing::seal_private`](mainstay_crypto::KeyRing::seal_private)):
/// secrets of the service, sealed under the key ring and not under a person's data key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrivateColumn {
    /// Name of the table.
    pub table: &'static str,
    /// Primary key of the table.
    pub id: &'static str,
    /// SQL type of the primary key.
    pub id_type: &'static str,
    /// Name of the column.
    pub column: &'static str,
    /// Purpose for which the boxes are sealed.
    pub purpose: &'static str,
    /// SQL expression, of type `bytea`, for the context that the box of a row is bound to.
    pub context: &'static str,
}

impl SealedTable {
    /// The joins from a row, `t`, to its data key, `k`.
    pub(crate) fn joined_key(&self) -> String {
        match self.key {
            KeyHolder::Row => "JOIN mainstay.data_keys k ON k.id = t.data_key".to_owned(),
            KeyHolder::Other { table, column } => format!(
                r"
                JOIN {table} holder ON holder.id = t.{column}
                JOIN mainstay.data_keys k ON k.id = holder.data_key"
            ),
        }
    }

    /// Whether the table has sealed columns.
    pub fn is_sealed(&self) -> bool {
        !self.columns.is_empty()
    }
}

impl SealedColumn {
    /// A column whose cells are bound to their own table and column.
    pub const fn at(table: &'static str, column: &'static str) -> Self {
        Self {
            column,
            bound_to: (table, column),
        }
    }

    /// The cell of a row, which its value is bound to.
    pub(crate) fn cell(&self, organization: Uuid, row: Uuid) -> Cell<'static> {
        Cell {
            organization,
            table: self.bound_to.0,
            column: self.bound_to.1,
            row,
        }
    }
}
