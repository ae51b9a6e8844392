//! Relations: what a hand-written query may select from, and whose rows it sees of them.

use mainstay_kernel::Uuid;
use sea_query::Value;

use crate::{Entity, EntityScope, ReadBy, Scope, door::uuid};

/// A table as a hand-written query sees it: only the caller's rows, and only the columns that are
/// not sealed. Every [`Entity`] is a relation. A query selects from it by its [`NAME`](Self::NAME).
pub trait Relation {
    /// Name in the text of a query, in lower case and without a schema.
    const NAME: &'static str;
    /// Name of the table, qualified with its schema unless that is `public`.
    const TABLE: &'static str;

    /// The columns that a query sees.
    fn columns() -> impl Iterator<Item = &'static str>;

    /// Whose rows they are.
    type Scope: EntityScope;

    /// The condition for the caller's rows, where `?` is the owner: the caller's organization, or
    /// their account.
    const CONDITION: &'static str = match <Self::Scope as EntityScope>::SCOPE {
        Scope::Organization => "organization_id = ?",
        Scope::Person => "user_id = ?",
        Scope::Platform | Scope::Nowhere => "true",
    };

    /// Functions of the schema that a query may call, by their qualified names. They must not
    /// return rows of others.
    const FUNCTIONS: &'static [&'static str] = &[];
}

impl<E: Entity> Relation for E {
    type Scope = E::Scope;

    const NAME: &'static str = unqualified(E::TABLE);
    const TABLE: &'static str = E::TABLE;
    /// Without the rows of erased persons, which have no key.
    const CONDITION: &'static str = match (E::Scope::SCOPE, E::SEALED.is_empty()) {
        (Scope::Organization, true) => "organization_id = ?",
        (Scope::Organization, false) => "organization_id = ? AND data_key IS NOT NULL",
        (Scope::Person, true) => "user_id = ?",
        (Scope::Person, false) => "user_id = ? AND data_key IS NOT NULL",
        (Scope::Platform | Scope::Nowhere, true) => "true",
        (Scope::Platform | Scope::Nowhere, false) => "data_key IS NOT NULL",
    };

    fn columns() -> impl Iterator<Item = &'static str> {
        E::COLUMNS
            .iter()
            .copied()
            .filter(|column| !E::SEALED.contains(column))
    }
}

/// The relations of a query through a door opened with `A`: a tuple of up to eight entities or other
/// [`Relation`]s.
pub trait Relations<A>: 'static {
    /// Adds their descriptions.
    #[doc(hidden)]
    fn describe(shadows: &mut Vec<Shadow>);
}

/// The common table expression that stands in for a table in the text of a query.
#[doc(hidden)]
pub struct Shadow {
    pub(crate) name: &'static str,
    table: &'static str,
    columns: Vec<&'static str>,
    condition: &'static str,
    pub(crate) functions: &'static [&'static str],
}

impl Shadow {
    fn of<R: Relation>() -> Self {
        Self {
            name: R::NAME,
            table: R::TABLE,
            columns: R::columns().collect(),
            condition: R::CONDITION,
            functions: R::FUNCTIONS,
        }
    }

    /// Its text. `$position` is the owner.
    ///
    /// Postgres folds it into the query, so an index serves it as it serves the table
    /// (PostgreSQL manual, 7.8.3).
    pub(crate) fn clause(&self, position: usize) -> String {
        format!(
            "{} AS NOT MATERIALIZED (SELECT {} FROM {} WHERE {})",
            self.name,
            self.columns.join(", "),
            self.table,
            self.condition.replace('?', &format!("${position}"))
        )
    }
}

/// The value of a shadow's parameter.
pub(crate) fn scope(owner: Uuid) -> Value {
    uuid(owner)
}

macro_rules! relations {
    ($($relation:ident)+) => {
        impl<By, $($relation: Relation<Scope: ReadBy<By>> + 'static),+> Relations<By>
            for ($($relation,)+)
        {
            fn describe(shadows: &mut Vec<Shadow>) {
                $(shadows.push(Shadow::of::<$relation>());)+
            }
        }
    };
}

relations!(A);
relations!(A B);
relations!(A B C);
relations!(A B C D);
relations!(A B C D E);
relations!(A B C D E F);
relations!(A B C D E F G);
relations!(A B C D E F G H);

/// The part of a table's name after its schema.
const fn unqualified(table: &'static str) -> &'static str {
    let bytes = table.as_bytes();
    let mut dot = 0;

    while dot < bytes.len() {
        if bytes[dot] == b'.' {
            return table.split_at(dot + 1).1;
        }
        dot += 1;
    }

    table
}
