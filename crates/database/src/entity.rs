//! Entities: row types, their columns and their blind indexes.

use std::sync::OnceLock;

use mainstay_access::Permission;
use mainstay_crypto::IndexLength;
use mainstay_kernel::{Id, Uuid};
use sea_query::Value;

use crate::{
    Claim, EntityScope, Erasure, Error, Indexable, KeyHolder, Opening, Row, SealedColumn,
    SealedIndex, SealedTable, Sealing, statements::Statements,
};

/// A row type: its table, and how its values are written and read. Derive it:
///
/// ```ignore
/// #[derive(Entity)]
/// #[entity(table = "customers", resource = "customer")]
/// pub struct CustomerRow {
///     pub id: Id<CustomerRow>,
///     #[entity(blind_index = "email_index")]
///     pub email: Sealed<Email>,
///     pub version: i64,
///     pub created_at: Timestamp,
///     pub updated_at: Timestamp,
/// }
/// ```
///
/// The table must also have `organization_id uuid`, and `data_key bigint` if a column is sealed;
/// the door sets both. Rows of a person (`scope = person`) have `user_id uuid` instead, and rows of
/// the platform (`scope = platform`) neither.
pub trait Entity: Sized + Send + Sync + 'static {
    /// Whose rows they are.
    type Scope: EntityScope;
    /// Name of the table, qualified with its schema unless that is `public`. Sealed values are
    /// bound to this name.
    const TABLE: &'static str;
    /// Name of this kind of row in the audit log.
    const RESOURCE: &'static str;
    /// The columns, in the order of the fields; the first is `id`.
    const COLUMNS: &'static [&'static str];
    /// The blind index columns, after the others.
    const BLIND_INDEXES: &'static [&'static str];
    /// The sealed columns among [`COLUMNS`](Self::COLUMNS).
    const SEALED: &'static [&'static str];
    /// The column that names the person whom the sealed fields describe: `id`, unless a field is
    /// marked `#[entity(subject)]`; `user_id` if the rows are those of a person.
    const SUBJECT: &'static str;
    /// The source of each blind index column.
    const INDEXES: &'static [SealedIndex];
    /// What happens to a row when the person whom it describes is erased.
    const ERASURE: Erasure;
    /// ID of the row.
    fn id(&self) -> Id<Self>;

    /// The person whom the sealed fields describe: the row itself, unless a field is marked
    /// `#[entity(subject)]`. Not used for rows of a person, which describe their owner.
    fn subject(&self) -> Uuid;

    /// The values of [`COLUMNS`](Self::COLUMNS), then of [`BLIND_INDEXES`](Self::BLIND_INDEXES).
    ///
    /// # Errors
    /// [`Error::Internal`] if a value cannot be sealed.
    fn values(&self, sealing: &Sealing<'_>) -> Result<Vec<Value>, Error>;

    /// The unique values among them, under every key of the ring.
    #[doc(hidden)]
    fn claims(&self, _sealing: &Sealing<'_>) -> Vec<Claim> {
        Vec::new()
    }

    /// Reads a row whose first columns are [`COLUMNS`](Self::COLUMNS).
    ///
    /// # Errors
    /// [`Error::Internal`] if a column has another type, or a value cannot be decrypted.
    fn read(row: &Row, opening: &Opening<'_>) -> Result<Self, Error>;

    /// Caches the statement texts of this type.
    #[doc(hidden)]
    fn statements() -> &'static OnceLock<Statements>;
}

impl SealedTable {
    /// The description of an entity.
    pub fn of<E: Entity>() -> Self {
        Self {
            table: E::TABLE,
            resource: E::RESOURCE,
            id: "id",
            subject: E::SUBJECT,
            scope: E::Scope::SCOPE,
            key: KeyHolder::Row,
            columns: E::SEALED
                .iter()
                .map(|column| SealedColumn::at(E::TABLE, column))
                .collect(),
            indexes: E::INDEXES.to_vec(),
            erasure: E::ERASURE,
        }
    }
}

/// The names of the columns with a sealed type.
#[doc(hidden)]
#[macro_export]
macro_rules! sealed_columns {
    ($($name:literal : $ty:ty),* $(,)?) => {{
        const ALL: [(&str, bool); [$($name),*].len()] = [$(($name, <$ty as $crate::Column>::SEALED)),*];
        const COUNT: usize = $crate::count_sealed(&ALL);
        const SEALED: [&str; COUNT] = $crate::pick_sealed(&ALL);
        &SEALED
    }};
}

#[doc(hidden)]
pub const fn count_sealed(columns: &[(&str, bool)]) -> usize {
    let (mut count, mut position) = (0, 0);
    while position < columns.len() {
        count += columns[position].1 as usize;
        position += 1;
    }
    count
}

#[doc(hidden)]
pub const fn pick_sealed<const COUNT: usize>(
    columns: &[(&'static str, bool)],
) -> [&'static str; COUNT] {
    let mut picked = [""; COUNT];
    let (mut next, mut position) = (0, 0);
    while position < columns.len() {
        if columns[position].1 {
            picked[next] = columns[position].0;
            next += 1;
        }
        position += 1;
    }
    picked
}

/// An entity with the fields `version: i64` and `updated_at`, so that updates and deletes can
/// detect concurrent changes.
pub trait Versioned: Entity {
    /// The version of the row, starting at 1.
    fn version(&self) -> i64;
}

/// An entity that names the permission to reveal its sealed fields: `#[entity(reveal =
/// CustomersReveal)]`.
///
/// Without it, rows cannot be sorted by a sealed field.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no permission that reveals its sealed fields",
    label = "sorting by a sealed field reveals its values",
    note = "write `#[entity(table = \"…\", resource = \"…\", reveal = SomePermission)]`"
)]
pub trait Revealable: Entity {
    /// The permission.
    type Permission: Permission;
}

/// A column of an entity and the type of its values. The derive creates it, as in
/// `CustomerRow::STATUS`.
pub struct Field<E, V> {
    pub(crate) column: &'static str,
    pub(crate) get: fn(&E) -> &V,
    pub(crate) blind_index: Option<BlindIndexColumn<V>>,
}

/// The blind index of a sealed column.
pub struct BlindIndexColumn<V> {
    /// Name of the index column.
    pub column: &'static str,
    /// Length of the index.
    pub length: IndexLength,
    /// Computes the index to store with a value.
    pub write: fn(&V, &Sealing<'_>, &'static str, IndexLength) -> Value,
    /// Computes every index under which a value may be stored, which are several during a key
    /// rotation.
    pub find: fn(&V, &Sealing<'_>, &'static str, IndexLength) -> Vec<Value>,
}

impl<V: Indexable> BlindIndexColumn<V> {
    /// The index in `column` with this length.
    pub const fn new(column: &'static str, length: IndexLength) -> Self {
        Self {
            column,
            length,
            write: V::write_index,
            find: V::find_indexes,
        }
    }
}

impl<V> BlindIndexColumn<V> {
    /// The claim of a value; `None` if the index is not unique.
    #[doc(hidden)]
    pub fn claim(&self, value: &V, sealing: &Sealing<'_>) -> Option<Claim> {
        (self.length == IndexLength::Unique).then(|| Claim {
            column: self.column,
            digests: (self.find)(value, sealing, self.column, self.length),
        })
    }
}

impl<E, V> Field<E, V> {
    /// A column without a blind index.
    pub const fn new(column: &'static str, get: fn(&E) -> &V) -> Self {
        Self {
            column,
            get,
            blind_index: None,
        }
    }

    /// A column with a blind index.
    pub const fn indexed(
        column: &'static str,
        get: fn(&E) -> &V,
        blind_index: BlindIndexColumn<V>,
    ) -> Self {
        Self {
            column,
            get,
            blind_index: Some(blind_index),
        }
    }
}

impl<E, V> Clone for Field<E, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<E, V> Copy for Field<E, V> {}
impl<V> Clone for BlindIndexColumn<V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V> Copy for BlindIndexColumn<V> {}
