//! The order of a listing.

use std::sync::Arc;

use mainstay_access::{Principal, Proof};
use mainstay_crypto::{Indexed, Sealed, Zeroizing};
use sea_query::Value;

use crate::{Entity, Error, Field, Plain, Revealable, Sortable};

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest or oldest first.
    Ascending,
    /// Largest or newest first.
    Descending,
}

/// The order of a listing: by one or more columns, each in its own direction. Rows with equal values
/// are ordered by ID, in the direction of the last column.
///
/// ```ignore
/// Order::by(TaskRow::PRIORITY, Direction::Descending)
///     .then_by(TaskRow::DUE, Direction::Ascending)
///     .nulls_first()
/// ```
///
/// It should have an index on the organization, the columns in this order and directions, and the
/// ID. A page is then read from where the last one ended if all columns have the same direction and
/// none is nullable; otherwise from where the value of the first column ended.
pub struct Order<E> {
    pub(crate) by: By<E>,
}

pub(crate) enum By<E> {
    /// Columns that the database sorts by.
    Columns(Vec<SortKey<E>>),
    /// A sealed field: the database cannot sort by it, so the matching rows are sorted in memory.
    Sealed(SealedKey<E>),
}

/// One column of an order.
pub(crate) struct SortKey<E> {
    pub(crate) column: &'static str,
    pub(crate) direction: Direction,
    pub(crate) nullable: bool,
    pub(crate) nulls: Nulls,
    /// The null value, which tells the type.
    pub(crate) null: fn() -> Value,
    value: Box<dyn Fn(&E) -> Value + Send + Sync>,
}

/// Where nulls stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    First,
    Last,
}

/// The sealed field of an order.
pub(crate) struct SealedKey<E> {
    pub(crate) column: &'static str,
    pub(crate) direction: Direction,
    pub(crate) text: TextOf<E>,
    allowed: Arc<Principal>,
    /// Whether further columns were asked for.
    continued: bool,
}

/// The text that a sealed field is sorted by.
pub(crate) type TextOf<E> = Box<dyn Fn(&E) -> Zeroizing<String> + Send + Sync>;

impl<E: Entity> Order<E> {
    /// Sorts by ID, oldest first.
    pub fn by_id() -> Self {
        Self {
            by: By::Columns(Vec::new()),
        }
    }

    /// Sorts by a column that is not sealed.
    ///
    /// Nulls come last in ascending and first in descending order, as in an index; `NaN`, which no
    /// float of a request is, comes after all other numbers. A cursor contains the values of the
    /// last row, so a text should have at most a few hundred characters.
    pub fn by<V>(field: Field<E, V>, direction: Direction) -> Self
    where
        V: Plain + Sortable + 'static,
    {
        Self {
            by: By::Columns(vec![SortKey::of(field, direction)]),
        }
    }

    /// Sorts rows that are equal so far by another column. An order by a sealed field cannot be
    /// continued: its page is an error.
    #[must_use]
    pub fn then_by<V>(mut self, field: Field<E, V>, direction: Direction) -> Self
    where
        V: Plain + Sortable + 'static,
    {
        match &mut self.by {
            By::Columns(keys) => keys.push(SortKey::of(field, direction)),
            By::Sealed(key) => key.continued = true,
        }
        self
    }

    /// Puts nulls of the last column first. The index must say `NULLS FIRST`, too.
    #[must_use]
    pub fn nulls_first(self) -> Self {
        self.with_nulls(Nulls::First)
    }

    /// Puts nulls of the last column last. The index must say `NULLS LAST`, too.
    #[must_use]
    pub fn nulls_last(self) -> Self {
        self.with_nulls(Nulls::Last)
    }

    /// Sorts by the normalised value of a sealed field. The database cannot sort encrypted values,
    /// and an order-preserving index would reveal most of them to an attacker. So up to 5,000
    /// matching rows are sorted in memory; more are refused with [`Error::TooManyToSort`].
    ///
    /// An order reveals values: by inserting rows of their own, callers can find each value by
    /// bisection. So it requires a proof of the permission that reveals the entity's fields, and
    /// each page is recorded and counted: see [`Door::page`](crate::Door::page).
    pub fn by_sealed<T: Indexed + 'static>(
        field: Field<E, Sealed<T>>,
        direction: Direction,
        proof: &Proof<E::Permission>,
    ) -> Self
    where
        E: Revealable,
    {
        Self {
            by: By::Sealed(SealedKey {
                column: field.column,
                direction,
                text: Box::new(move |row| (field.get)(row).sort_key()),
                allowed: proof.principal().clone(),
                continued: false,
            }),
        }
    }

    fn with_nulls(mut self, nulls: Nulls) -> Self {
        if let By::Columns(keys) = &mut self.by
            && let Some(last) = keys.last_mut()
        {
            last.nulls = nulls;
        }
        self
    }

    /// The sealed column that it sorts by.
    pub(crate) fn sealed_column(&self) -> Option<&'static str> {
        match &self.by {
            By::Columns(_) => None,
            By::Sealed(key) => Some(key.column),
        }
    }

    /// Describes the order, for the context of cursors.
    pub(crate) fn described(&self) -> String {
        match &self.by {
            By::Columns(keys) => {
                let keys: Vec<_> = keys
                    .iter()
                    .map(|key| format!("{} {:?} {:?}", key.column, key.direction, key.nulls))
                    .collect();
                keys.join(", ")
            }
            By::Sealed(key) => format!("sealed {} {:?}", key.column, key.direction),
        }
    }

    /// Refuses an order by a sealed field with the proof of another caller, or with further
    /// columns.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub(crate) fn check(&self, caller: &Principal) -> Result<(), Error> {
        match &self.by {
            By::Sealed(key) if *key.allowed != *caller => Err(Error::internal(
                "the proof for a sealed order belongs to another caller",
            )),
            By::Sealed(key) if key.continued => Err(Error::internal(
                "an order by a sealed field cannot have further columns",
            )),
            _ => Ok(()),
        }
    }
}

impl<E: Entity> SortKey<E> {
    fn of<V: Plain + 'static>(field: Field<E, V>, direction: Direction) -> Self {
        let nulls = match direction {
            Direction::Ascending => Nulls::Last,
            Direction::Descending => Nulls::First,
        };

        Self {
            column: field.column,
            direction,
            nullable: V::NULLABLE,
            nulls,
            null: V::null,
            value: Box::new(move |row| (field.get)(row).bind()),
        }
    }

    /// The value of a row.
    pub(crate) fn value(&self, row: &E) -> Value {
        (self.value)(row)
    }
}
