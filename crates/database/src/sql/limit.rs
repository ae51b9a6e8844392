//! The limit of a statement: its owner, and the text that Postgres runs.

use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

use mainstay_kernel::Uuid;
use sqlparser::ast::Query;

use super::{limiter::Limiter, owned::OwnerKind};
use crate::{
    SealedTable,
    wall::{Names, checked_statement},
};

/// Whose rows a statement reaches.
#[derive(Clone, Copy)]
pub(crate) struct Limit {
    pub(crate) kind: OwnerKind,
    pub(crate) owner: Uuid,
}

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// A whole statement.
    Statement,
    /// The clauses of a [`Change`](crate::Change).
    Clauses,
}

/// A text that was limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limited {
    pub(super) text: &'static str,
    /// Whether the owner's ID is a parameter of it: not if it names no table of an owner.
    pub(super) names_owner: bool,
}

type Known = HashMap<(&'static str, Form, OwnerKind, usize), Limited>;

/// The limited texts, by what they were made from.
static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

impl Limit {
    /// The text, limited to the owner's rows. The owner's ID is the parameter at `position`.
    ///
    /// The result is kept forever: there is one for each static text.
    ///
    /// # Errors
    /// Says what the text may not contain.
    pub(super) fn text(
        self,
        text: &'static str,
        form: Form,
        position: usize,
        registered: &[SealedTable],
    ) -> Result<Limited, String> {
        let key = (text, form, self.kind, position);
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(limited) = known.get(&key) {
            return Ok(*limited);
        }
        drop(known);

        let limiter = Limiter::new(self.kind, position, registered);
        let limited = limited(text, form, limiter)?;
        KNOWN
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, limited);

        Ok(limited)
    }
}

fn limited(text: &str, form: Form, mut limiter: Limiter<'_>) -> Result<Limited, String> {
    let whole = match form {
        Form::Statement => text.to_owned(),
        Form::Clauses => format!("WITH {text} SELECT"),
    };

    let held = (form == Form::Clauses).then_some("held");
    let relations: Vec<_> = limiter.tables().chain(held).collect();
    let functions: Vec<_> = limiter.functions().collect();
    let names = Names {
        relations: &relations,
        functions: &functions,
    };

    let checked = checked_statement(&whole, &names)?;
    let mut query = checked.clone();
    limiter.statement(&mut query)?;
    let names_owner = query != checked;

    let text = match form {
        Form::Statement => query.to_string(),
        Form::Clauses => clauses(query)?,
    };

    Ok(Limited {
        text: text.leak(),
        names_owner,
    })
}

/// The clauses of a statement, which has nothing else.
fn clauses(mut query: Query) -> Result<String, String> {
    let with = query.with.take();
    let with = with.filter(|with| !with.recursive && query.to_string() == "SELECT");
    let with = with.ok_or("its clauses may not end early, or refer to themselves")?;

    let clauses: Vec<_> = with.cte_tables.iter().map(ToString::to_string).collect();
    Ok(clauses.join(", "))
}
