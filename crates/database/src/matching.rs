//! Selects the rows that a caller reaches and a filter matches.

use sea_query::{Alias, Expr, ExprTrait as _, JoinType, Query, SelectStatement};

use crate::{
    Authority, Door, Entity, EntityScope as _,
    door::uuid,
    entity_statements::{sealed, statements},
    filter::Condition,
    selection::table,
};

/// The number of columns of a selected row: its own, and three of its data key.
pub(crate) fn width<E: Entity>() -> usize {
    E::COLUMNS.len() + if sealed::<E>() { 3 } else { 0 }
}

impl<A: Authority> Door<A> {
    /// Selects the rows that match, with their data keys.
    pub(crate) fn selection<E: Entity>(
        &self,
        public: Option<&'static str>,
        conditions: Vec<Condition>,
    ) -> SelectStatement {
        let mut select = Query::select();
        select
            .expr(Expr::cust(statements::<E>().selected.as_str()))
            .from_as(table(E::TABLE), Alias::new("t"));

        if sealed::<E>() {
            select.join_as(
                JoinType::InnerJoin,
                table("mainstay.data_keys"),
                Alias::new("k"),
                Expr::cust("k.id = t.data_key"),
            );
        }

        self.limited::<E>(select, public, conditions)
    }

    /// Selects `what` of the rows `t` that match.
    pub(crate) fn matching<E: Entity>(
        &self,
        what: &'static str,
        public: Option<&'static str>,
        conditions: Vec<Condition>,
    ) -> SelectStatement {
        let mut select = Query::select();
        select
            .expr(Expr::cust(what))
            .from_as(table(E::TABLE), Alias::new("t"));

        if sealed::<E>() {
            select.and_where(Expr::cust("t.data_key IS NOT NULL"));
        }

        self.limited::<E>(select, public, conditions)
    }

    /// Limits a selection to the caller's rows, or to the `public` ones of all owners, for which the
    /// conditions hold.
    pub(crate) fn limited<E: Entity>(
        &self,
        mut select: SelectStatement,
        public: Option<&'static str>,
        conditions: Vec<Condition>,
    ) -> SelectStatement {
        if let Some(public) = public {
            select.and_where(Expr::cust(format!("({public})")));
        } else if let Some(column) = E::Scope::SCOPE.column() {
            let owner = Expr::col((Alias::new("t"), Alias::new(column)));
            select.and_where(owner.eq(uuid(self.owner::<E>())));
        }

        for condition in conditions {
            select.and_where(condition.expression());
        }

        select
    }
}
