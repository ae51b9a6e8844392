//! The filters of a listing.

use sea_query::{Alias, Expr, ExprTrait as _, Value, extension::postgres::PgBinOper};

use crate::{Column, Entity, Error, Field, Indexable, Plain, Sealing};

/// The conditions of a listing. A condition without a value has no effect.
pub struct Filter<E> {
    conditions: Vec<MakeCondition>,
    /// Checks on each decrypted row, because a truncated blind index finds a few rows too many.
    confirmations: Vec<Confirm<E>>,
    /// The sealed columns that values are compared with.
    compared: Vec<&'static str>,
}

type MakeCondition = Box<dyn Fn(&Sealing<'_>) -> Result<Condition, Error> + Send + Sync>;
type Confirm<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;

#[derive(Debug)]
pub(crate) struct Condition {
    column: &'static str,
    comparison: Comparison,
    values: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    /// Equal to one of the values.
    OneOf,
    /// Null.
    IsNull,
    /// An array that contains the value.
    Contains,
    /// At or after the value.
    AtLeast,
    /// Before the value.
    Below,
}

impl<E: Entity> Filter<E> {
    /// All rows of the organization.
    pub fn all() -> Self {
        Self {
            conditions: Vec::new(),
            confirmations: Vec::new(),
            compared: Vec::new(),
        }
    }

    /// Rows whose `field` equals `value`. For a nullable column, `Some(None)` finds nulls.
    #[must_use]
    pub fn equal<V: Plain + Send + Sync + 'static>(
        self,
        field: Field<E, V>,
        value: Option<V>,
    ) -> Self {
        self.compare(field.column, Comparison::OneOf, value)
    }

    /// Rows whose `field` is `value` or greater, but not null.
    #[must_use]
    pub fn at_least<V: Plain>(self, field: Field<E, V>, value: Option<V::Present>) -> Self
    where
        V::Present: Send + Sync + 'static,
    {
        self.compare(field.column, Comparison::AtLeast, value)
    }

    /// Rows whose `field` is less than `value`, but not null.
    #[must_use]
    pub fn below<V: Plain>(self, field: Field<E, V>, value: Option<V::Present>) -> Self
    where
        V::Present: Send + Sync + 'static,
    {
        self.compare(field.column, Comparison::Below, value)
    }

    /// Rows whose array `field` contains `value`.
    #[must_use]
    pub fn contains<V>(self, field: Field<E, V>, value: Option<String>) -> Self
    where
        V: Column<Present = Vec<String>>,
    {
        self.compare(
            field.column,
            Comparison::Contains,
            value.map(|value| vec![value]),
        )
    }

    /// Rows whose sealed `field` equals `value`, found through the field's blind index.
    ///
    /// The result tells whether a row with this value exists. No permission to reveal is required,
    /// so that callers can look up a value that they know. Each page is recorded and counted: see
    /// [`Door::page`](crate::Door::page).
    #[must_use]
    pub fn matches<V>(mut self, field: Field<E, V>, value: Option<V>) -> Self
    where
        V: Indexable + Clone + Send + Sync + 'static,
    {
        if let (Some(value), Some(index)) = (value, field.blind_index) {
            let expected = value.clone();

            self.compared.push(field.column);
            self.conditions.push(Box::new(move |sealing| {
                let values = (index.find)(&value, sealing, index.column, index.length);
                Ok(Condition {
                    column: index.column,
                    comparison: Comparison::OneOf,
                    values,
                })
            }));

            self.confirmations
                .push(Box::new(move |row| (field.get)(row).is_same(&expected)));
        }

        self
    }

    /// The sealed columns that the filter compares.
    pub(crate) fn compared(&self) -> &[&'static str] {
        &self.compared
    }

    /// Whether a decrypted row really matches.
    pub(crate) fn confirms(&self, row: &E) -> bool {
        self.confirmations.iter().all(|confirm| confirm(row))
    }

    fn compare<V>(mut self, column: &'static str, comparison: Comparison, value: Option<V>) -> Self
    where
        V: Column + Send + Sync + 'static,
    {
        if let Some(value) = value {
            self.conditions.push(Box::new(move |sealing| {
                let value = value.write(sealing, column)?;
                // In SQL, `= NULL` is never true.
                let comparison = if value == V::null() {
                    Comparison::IsNull
                } else {
                    comparison
                };

                Ok(Condition {
                    column,
                    comparison,
                    values: vec![value],
                })
            }));
        }

        self
    }

    pub(crate) fn resolve(&self, sealing: &Sealing<'_>) -> Result<Vec<Condition>, Error> {
        self.conditions
            .iter()
            .map(|condition| condition(sealing))
            .collect()
    }
}

impl Condition {
    pub(crate) fn expression(self) -> Expr {
        let column = Expr::col((Alias::new("t"), Alias::new(self.column)));
        let mut values = self.values.into_iter();
        let Some(value) = values.next() else {
            return Expr::val(false);
        };

        match self.comparison {
            Comparison::OneOf => column.is_in(std::iter::once(value).chain(values)),
            Comparison::IsNull => column.is_null(),
            Comparison::AtLeast => column.gte(value),
            Comparison::Below => column.lt(value),
            Comparison::Contains => column.binary(PgBinOper::Contains, value),
        }
    }
}
