//! Conditions of which any, all or none must hold.

use super::{
    condition::Condition,
    listing::{Filter, Part},
};
use crate::Entity;

/// The place of a filter within [`Filter::any_of`], [`Filter::all_of`] or [`Filter::none_of`],
/// where sealed values cannot be compared: a truncated blind index finds a few rows too many, which
/// are sorted out after they were read.
pub enum Group {}

impl<E: Entity, Place> Filter<E, Place> {
    /// Rows for which at least one condition of the group holds. A group without conditions has no
    /// effect.
    ///
    /// ```ignore
    /// Filter::all().any_of(|any| {
    ///     any.equal(TaskRow::ASSIGNEE, Some(Some(me)))
    ///         .all_of(|all| all.is_null(TaskRow::ASSIGNEE, Some(true)).equal(TaskRow::STATUS, Some(Status::Open)))
    /// })
    /// ```
    #[must_use]
    pub fn any_of(self, group: impl FnOnce(Filter<E, Group>) -> Filter<E, Group>) -> Self {
        self.grouped(group, Condition::Any)
    }

    /// Rows for which every condition of the group holds, as an alternative within
    /// [`any_of`](Self::any_of).
    #[must_use]
    pub fn all_of(self, group: impl FnOnce(Filter<E, Group>) -> Filter<E, Group>) -> Self {
        self.grouped(group, Condition::All)
    }

    /// Rows for which no condition of the group holds. A comparison with null does not hold.
    #[must_use]
    pub fn none_of(self, group: impl FnOnce(Filter<E, Group>) -> Filter<E, Group>) -> Self {
        self.grouped(group, Condition::None)
    }

    fn grouped(
        self,
        group: impl FnOnce(Filter<E, Group>) -> Filter<E, Group>,
        joined: fn(Vec<Condition>) -> Condition,
    ) -> Self {
        let conditions: Vec<_> = group(Filter::empty())
            .parts
            .into_iter()
            .filter_map(|part| match part {
                Part::Plain(condition) => Some(condition),
                Part::Sealed(_) => None,
            })
            .collect();

        self.with((!conditions.is_empty()).then(|| joined(conditions)))
    }
}
