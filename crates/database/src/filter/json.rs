//! Conditions on JSON documents.

use mainstay_kernel::JsonOf;
use sea_query::Value;

use super::{
    condition::{Comparison, Condition, Term},
    listing::Filter,
};
use crate::{Entity, Field, Plain, Scalar};

/// A column of JSON: `serde_json::Value` or `JsonOf<T>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not stored as JSON",
    label = "not `serde_json::Value` or `JsonOf<T>`"
)]
pub trait JsonScalar: Scalar {}

impl JsonScalar for serde_json::Value {}
impl<T> JsonScalar for JsonOf<T> where Self: Scalar {}

impl<E: Entity, Place> Filter<E, Place> {
    /// Rows whose JSON `field` contains `part`: objects with at least these members, and arrays
    /// with at least these items, at any depth (`@>` of `jsonb`). It uses a `gin` index.
    #[must_use]
    pub fn contains_json<V>(self, field: Field<E, V>, part: Option<serde_json::Value>) -> Self
    where
        V: Plain<Present: JsonScalar>,
    {
        let value = part.map(|part| Value::Json(Some(Box::new(part))));
        self.json(field, Term::Contains, value)
    }

    /// Rows whose JSON `field` is an object with the member `key`, or an array with this text. It
    /// uses a `gin` index.
    #[must_use]
    pub fn has_key<V>(self, field: Field<E, V>, key: Option<String>) -> Self
    where
        V: Plain<Present: JsonScalar>,
    {
        self.json(field, Term::HasKey, key.map(Value::from))
    }

    fn json<V>(self, field: Field<E, V>, term: Term, value: Option<Value>) -> Self {
        self.with(value.map(|value| Condition::Of(field.column, Comparison::With(term, value))))
    }
}
