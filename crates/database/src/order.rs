//! The order of a listing.

use std::sync::Arc;

use mainstay_access::{Principal, Proof};
use mainstay_crypto::{Indexed, Sealed};
use sea_query::Value;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Entity, Error, Field, Plain, Revealable, Sealing};

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest or oldest first.
    Ascending,
    /// Largest or newest first.
    Descending,
}

/// The order of a listing. Rows with equal values are ordered by ID.
pub struct Order<E> {
    pub(crate) name: &'static str,
    pub(crate) direction: Direction,
    pub(crate) by: By<E>,
}

pub(crate) enum By<E> {
    /// A column that the database sorts by.
    Column {
        key: KeyOf<E>,
        bind: Bind,
        nullable: bool,
    },
    /// A sealed field: the database cannot sort by it, so the matching rows are sorted in memory.
    Sealed {
        key: KeyOf<E>,
        allowed: Arc<Principal>,
    },
}

/// Converts the sort key in a cursor to a value to compare the column with.
pub(crate) type Bind = fn(serde_json::Value, &Sealing<'_>) -> Result<Value, Error>;

/// The sort key of a row, as stored in a cursor.
pub(crate) type KeyOf<E> = Box<dyn Fn(&E) -> Result<serde_json::Value, Error> + Send + Sync>;

impl<E: Entity> Order<E> {
    /// Sorts by a column that is not sealed. It should have an index on organization, column and
    /// ID.
    ///
    /// Nulls come last in ascending and first in descending order, as in such an index. For a
    /// nullable column, finding a page reads the index up to it.
    pub fn by<V>(field: Field<E, V>, direction: Direction) -> Self
    where
        V: Plain + Serialize + DeserializeOwned + 'static,
    {
        let key = Box::new(move |row: &E| {
            serde_json::to_value((field.get)(row)).map_err(Error::internal)
        });
        let bind: Bind = |key, sealing| {
            let value: V = serde_json::from_value(key).map_err(|_| Error::Cursor)?;
            value.write(sealing, "")
        };

        Self {
            name: field.column,
            direction,
            by: By::Column {
                key,
                bind,
                nullable: V::NULLABLE,
            },
        }
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
        let key = Box::new(move |row: &E| Ok((field.get)(row).sort_key().as_str().into()));

        Self {
            name: field.column,
            direction,
            by: By::Sealed {
                key,
                allowed: proof.principal().clone(),
            },
        }
    }
}
