//! The filter of a listing, and its conditions on single values and lists.

use std::{marker::PhantomData, ops::RangeInclusive};

use super::condition::{Comparison, Condition, Term};
use crate::{Column, Entity, Field, Indexable, Plain, Scalar, Sealing};

/// The conditions of a listing, all of which must hold. A condition without a value has no effect,
/// so that optional parameters of a query can be passed as they are.
///
/// Every method but [`matches`](Filter::matches) also works within [`any_of`](Self::any_of),
/// [`all_of`](Self::all_of) and [`none_of`](Self::none_of).
pub struct Filter<E, Place = Whole> {
    pub(super) parts: Vec<Part>,
    /// Checks on each decrypted row, because a truncated blind index finds a few rows too many.
    confirmations: Vec<Confirm<E>>,
    /// The sealed columns that values are compared with.
    compared: Vec<&'static str>,
    counts: bool,
    place: PhantomData<fn() -> (E, Place)>,
}

/// The place of a filter that selects the rows of a listing, rather than a part of another filter.
pub enum Whole {}

pub(super) enum Part {
    Plain(Condition),
    Sealed(FindSealed),
}

type FindSealed = Box<dyn Fn(&Sealing<'_>) -> Condition + Send + Sync>;
type Confirm<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;

impl<E: Entity> Filter<E> {
    /// All rows that the door reaches.
    pub fn all() -> Self {
        Self::empty()
    }

    /// Also counts the rows that match, exactly up to 10,000, in the same round trip: see
    /// [`Page::total`](crate::Page::total). Counting reads that many rows or index entries.
    #[must_use]
    pub fn with_total(self, wanted: bool) -> Self {
        Self {
            counts: wanted,
            ..self
        }
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
            self.parts.push(Part::Sealed(Box::new(move |sealing| {
                let values = (index.find)(&value, sealing, index.column, index.length);
                Condition::Of(index.column, Comparison::OneOf(values))
            })));

            self.confirmations
                .push(Box::new(move |row| (field.get)(row).is_same(&expected)));
        }

        self
    }

    /// The sealed columns that the filter compares.
    pub(crate) fn compared(&self) -> &[&'static str] {
        &self.compared
    }

    /// Whether the matching rows are counted.
    pub(crate) fn counts(&self) -> bool {
        self.counts
    }

    /// Whether a decrypted row really matches.
    pub(crate) fn confirms(&self, row: &E) -> bool {
        self.confirmations.iter().all(|confirm| confirm(row))
    }

    pub(crate) fn resolve(&self, sealing: &Sealing<'_>) -> Vec<Condition> {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Plain(condition) => condition.clone(),
                Part::Sealed(find) => find(sealing),
            })
            .collect()
    }
}

impl<E: Entity, Place> Filter<E, Place> {
    /// Rows whose `field` equals `value`. For a nullable column, `Some(None)` finds nulls.
    #[must_use]
    pub fn equal<V: Plain>(self, field: Field<E, V>, value: Option<V>) -> Self {
        self.compare(field, Term::Equal, value)
    }

    /// Rows whose `field` does not equal `value`, also where it is null. For a nullable column,
    /// `Some(None)` finds the values that are not null.
    #[must_use]
    pub fn not_equal<V: Plain>(self, field: Field<E, V>, value: Option<V>) -> Self {
        self.compare(field, Term::NotEqual, value)
    }

    /// Rows whose `field` is one of `values`; none if there are no values.
    #[must_use]
    pub fn one_of<V>(self, field: Field<E, V>, values: Option<Vec<V::Present>>) -> Self
    where
        V: Plain,
        V::Present: Scalar,
    {
        self.compare_present(field, Term::InList, values)
    }

    /// Rows whose `field` is none of `values`, also where it is null; all if there are no values.
    #[must_use]
    pub fn not_in<V>(self, field: Field<E, V>, values: Option<Vec<V::Present>>) -> Self
    where
        V: Plain,
        V::Present: Scalar,
    {
        self.compare_present(field, Term::NotInList, values)
    }

    /// Rows whose `field` is null, or with `Some(false)` those where it is not.
    #[must_use]
    pub fn is_null<V: Plain>(self, field: Field<E, V>, is_null: Option<bool>) -> Self {
        self.with(is_null.map(|is_null| Condition::Of(field.column, Comparison::IsNull(is_null))))
    }

    /// Rows whose `field` is `value` or greater, but not null.
    #[must_use]
    pub fn at_least<V: Plain<Present: Plain>>(
        self,
        field: Field<E, V>,
        value: Option<V::Present>,
    ) -> Self {
        self.compare_present(field, Term::AtLeast, value)
    }

    /// Rows whose `field` is greater than `value`, but not null.
    #[must_use]
    pub fn above<V: Plain<Present: Plain>>(
        self,
        field: Field<E, V>,
        value: Option<V::Present>,
    ) -> Self {
        self.compare_present(field, Term::Above, value)
    }

    /// Rows whose `field` is `value` or less, but not null.
    #[must_use]
    pub fn at_most<V: Plain<Present: Plain>>(
        self,
        field: Field<E, V>,
        value: Option<V::Present>,
    ) -> Self {
        self.compare_present(field, Term::AtMost, value)
    }

    /// Rows whose `field` is less than `value`, but not null.
    #[must_use]
    pub fn below<V: Plain<Present: Plain>>(
        self,
        field: Field<E, V>,
        value: Option<V::Present>,
    ) -> Self {
        self.compare_present(field, Term::Below, value)
    }

    /// Rows whose `field` is in `range`, including both ends.
    #[must_use]
    pub fn between<V: Plain<Present: Plain>>(
        self,
        field: Field<E, V>,
        range: Option<RangeInclusive<V::Present>>,
    ) -> Self {
        let (least, most) = range.map(RangeInclusive::into_inner).unzip();
        self.at_least(field, least).at_most(field, most)
    }

    /// Rows whose list `field` contains `value`.
    #[must_use]
    pub fn contains<V, T>(self, field: Field<E, V>, value: Option<T>) -> Self
    where
        V: Column<Present = Vec<T>>,
        T: Scalar,
        Vec<T>: Plain,
    {
        self.contains_all(field, value.map(|value| vec![value]))
    }

    /// Rows whose list `field` contains all of `values`.
    #[must_use]
    pub fn contains_all<V, T>(self, field: Field<E, V>, values: Option<Vec<T>>) -> Self
    where
        V: Column<Present = Vec<T>>,
        T: Scalar,
        Vec<T>: Plain,
    {
        self.compare_present(field, Term::Contains, values)
    }

    /// Rows whose list `field` contains any of `values`.
    #[must_use]
    pub fn overlaps<V, T>(self, field: Field<E, V>, values: Option<Vec<T>>) -> Self
    where
        V: Column<Present = Vec<T>>,
        T: Scalar,
        Vec<T>: Plain,
    {
        self.compare_present(field, Term::Overlaps, values)
    }

    pub(super) fn empty() -> Self {
        Self {
            parts: Vec::new(),
            confirmations: Vec::new(),
            compared: Vec::new(),
            counts: false,
            place: PhantomData,
        }
    }

    pub(super) fn with(mut self, condition: Option<Condition>) -> Self {
        self.parts.extend(condition.map(Part::Plain));
        self
    }

    fn compare<V: Plain>(self, field: Field<E, V>, term: Term, value: Option<V>) -> Self {
        let null = V::null();
        self.with(value.map(|value| {
            let comparison = match (term, value.bind()) {
                // In SQL, `= NULL` is never true.
                (Term::Equal, value) if value == null => Comparison::IsNull(true),
                (Term::NotEqual, value) if value == null => Comparison::IsNull(false),
                (term, value) => Comparison::With(term, value),
            };
            Condition::Of(field.column, comparison)
        }))
    }

    fn compare_present<V, T: Plain>(
        self,
        field: Field<E, V>,
        term: Term,
        value: Option<T>,
    ) -> Self {
        let comparison = value.map(|value| Comparison::With(term, value.bind()));
        self.with(comparison.map(|comparison| Condition::Of(field.column, comparison)))
    }
}
