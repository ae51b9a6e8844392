//! The order of a listing.

use std::sync::Arc;

use mainstay_access::{Principal, Proof};
use mainstay_crypto::{Indexed, Sealed};
use sea_query::Value;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Entity, Error, Field, Plain, Revealable, Sealing};

/// Which way a listing runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Smallest or oldest first.
    Ascending,
    /// Largest or newest first.
    Descending,
}

/// In which order a listing comes. Rows that are alike come in the order of their ids.
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
    /// A sealed field: the database cannot see its order, so the matching rows are sorted here.
    Sealed {
        key: KeyOf<E>,
        allowed: Arc<Principal>,
    },
}

/// Makes a cursor's key a value to compare the column with.
pub(crate) type Bind = fn(serde_json::Value, &Sealing<'_>) -> Result<Value, Error>;

/// A row's key in the order, as a cursor keeps it.
pub(crate) type KeyOf<E> = Box<dyn Fn(&E) -> Result<serde_json::Value, Error> + Send + Sync>;

impl<E: Entity> Order<E> {
    /// By a column that is not sealed. There should be an index on organization, column and id.
    ///
    /// Rows without a value come last when ascending and first when descending, which is how such an index holds them. Where
    /// a column may be null, a page is found by reading the index up to it.
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

    /// By the normalised value of a sealed field. A database that cannot read a name cannot sort by it either, and an
    /// index that kept the order would tell a thief most of the names; so up to 5,000 matching rows are sorted in
    /// memory, and more are refused with [`Error::TooManyToSort`].
    ///
    /// An order tells the values: who may place rows of their own among the others reads each value by bisection. So it
    /// takes a proof of the permission that reveals the entity's fields, and each page is recorded and counted as
    /// [`Door::page`](crate::Door::page) says.
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
