//! The columns that an update sets.

use std::sync::Arc;

use mainstay_kernel::Decimal;
use sea_query::Value;

use crate::{Claim, Column, Entity, Error, Field, Plain, Sealing};

/// The columns that an update sets. Other columns keep their values.
pub struct Changes<E> {
    assignments: Vec<Assignment>,
    claims: Vec<Claiming>,
    pub(crate) seals: bool,
    entity: std::marker::PhantomData<fn() -> E>,
}

type Assignment = Box<dyn Fn(&Sealing<'_>, &mut Vec<Assigned>) -> Result<(), Error> + Send + Sync>;

/// A column, and how it changes.
pub(crate) struct Assigned {
    pub(crate) column: &'static str,
    pub(crate) how: How,
    pub(crate) value: Value,
}

/// How a column changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// It is set to the value.
    Set,
    /// The value is added to it.
    Add,
}

impl How {
    /// The assignment of the value at `$position` to a column of `t`, with a comma.
    pub(crate) fn assignment(self, column: &str, position: usize) -> String {
        match self {
            Self::Set => format!("{column} = ${position}, "),
            Self::Add => format!("{column} = t.{column} + ${position}, "),
        }
    }
}

/// A column type whose values can be added.
pub trait Number: Plain {}

impl Number for i16 {}
impl Number for i32 {}
impl Number for i64 {}
impl Number for f32 {}
impl Number for Decimal {}
impl Number for f64 {}

type Claiming = Box<dyn Fn(&Sealing<'_>) -> Option<Claim> + Send + Sync>;

impl<E: Entity> Changes<E> {
    /// Creates an empty set of changes.
    pub fn new() -> Self {
        Self {
            assignments: Vec::new(),
            claims: Vec::new(),
            seals: false,
            entity: std::marker::PhantomData,
        }
    }

    /// Sets `field` if `value` is present; a patch without the field leaves it unchanged. Updates
    /// the field's blind index, too.
    #[must_use]
    pub fn set<V>(mut self, field: Field<E, V>, value: impl Into<Option<V>>) -> Self
    where
        V: Column + Send + Sync + 'static,
    {
        let Some(value) = value.into() else {
            return self;
        };

        self.seals |= V::SEALED;
        let value = Arc::new(value);

        if let Some(index) = field.blind_index {
            let value = value.clone();
            self.claims
                .push(Box::new(move |sealing| index.claim(&value, sealing)));
        }

        self.assignments.push(Box::new(move |sealing, set| {
            let assigned = |column, value| Assigned {
                column,
                how: How::Set,
                value,
            };

            set.push(assigned(field.column, value.write(sealing, field.column)?));
            if let Some(index) = field.blind_index {
                let value = (index.write)(&value, sealing, index.column, index.length);
                set.push(assigned(index.column, value));
            }
            Ok(())
        }));

        self
    }

    /// Adds `by`, which may be negative, to `field` in the statement itself, so that concurrent
    /// increments add up without a version. A column that may not go below zero needs a `CHECK`.
    #[must_use]
    pub fn increment<V: Number + Send + Sync + 'static>(
        mut self,
        field: Field<E, V>,
        by: V,
    ) -> Self {
        self.assignments.push(Box::new(move |_, set| {
            set.push(Assigned {
                column: field.column,
                how: How::Add,
                value: by.bind(),
            });
            Ok(())
        }));

        self
    }

    /// Whether there are no changes.
    pub fn is_empty(&self) -> bool {
        self.assignments.is_empty()
    }

    /// The unique values among the changes.
    pub(crate) fn claims(&self, sealing: &Sealing<'_>) -> Vec<Claim> {
        self.claims
            .iter()
            .filter_map(|claim| claim(sealing))
            .collect()
    }

    pub(crate) fn resolve(&self, sealing: &Sealing<'_>) -> Result<Vec<Assigned>, Error> {
        let mut set = Vec::with_capacity(self.assignments.len());
        self.assignments
            .iter()
            .try_for_each(|assignment| assignment(sealing, &mut set))?;
        Ok(set)
    }
}

impl<E: Entity> Default for Changes<E> {
    fn default() -> Self {
        Self::new()
    }
}
