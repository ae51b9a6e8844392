//! The columns that an update sets.

use sea_query::Value;

use crate::{Column, Entity, Error, Field, Sealing};

/// The columns that an update sets. Other columns keep their values.
pub struct Changes<E> {
    assignments: Vec<Assignment>,
    pub(crate) seals: bool,
    entity: std::marker::PhantomData<fn() -> E>,
}

type Assignment =
    Box<dyn Fn(&Sealing<'_>, &mut Vec<(&'static str, Value)>) -> Result<(), Error> + Send + Sync>;

impl<E: Entity> Changes<E> {
    /// Creates an empty set of changes.
    pub fn new() -> Self {
        Self {
            assignments: Vec::new(),
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

        self.assignments.push(Box::new(move |sealing, set| {
            set.push((field.column, value.write(sealing, field.column)?));
            if let Some(index) = field.blind_index {
                set.push((
                    index.column,
                    (index.write)(&value, sealing, index.column, index.length),
                ));
            }
            Ok(())
        }));

        self
    }

    /// Whether there are no changes.
    pub fn is_empty(&self) -> bool {
        self.assignments.is_empty()
    }

    pub(crate) fn resolve(
        &self,
        sealing: &Sealing<'_>,
    ) -> Result<Vec<(&'static str, Value)>, Error> {
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
