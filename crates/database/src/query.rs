//! Hand-written queries through a door: joins, aggregates, reports.
//!
//! The second wall: no text can make a query see more than the caller's rows. Each table
//! that it names is replaced by a common table expression with the caller's rows (`relation.rs`),
//! and `wall.rs` refuses every other name.

mod columns;

pub use columns::table_of;

use std::{
    any::TypeId,
    collections::HashMap,
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use sea_query::{PostgresQueryBuilder, SelectStatement, Value};

use crate::{
    Authenticated, Authority, Door, Error, FromRow, Relations,
    relation::{Shadow, scope},
    wall::{Names, checked_query},
};

impl<A: Authenticated> Door<A> {
    /// Runs a hand-written query over the entities `R`, a tuple, and reads each row as a `T`. One
    /// round trip.
    ///
    /// ```ignore
    /// const OPEN: &str = r"
    ///     SELECT p.name, count(t.id) AS open
    ///     FROM projects p
    ///     LEFT JOIN tasks t ON t.project_id = p.id AND t.status <> $1
    ///     GROUP BY p.name
    /// ";
    ///
    /// let totals = by
    ///     .query::<(ProjectRow, TaskRow), ProjectTotal>("projects.open", OPEN, values![Status::Done])
    ///     .await?;
    /// ```
    ///
    /// The text selects from the tables of `R` by their names, without a schema. Wherever it names
    /// one, it sees the caller's rows of it and no others, without sealed columns. It can only read,
    /// call functions that compute from their arguments, and use `$1`, `$2`, … for `values`.
    ///
    /// # Errors
    /// [`Error::Internal`] if the text contains anything else, or does not return the columns of
    /// `T`; the log says what.
    pub async fn query<R: Relations<A>, T: FromRow>(
        &self,
        name: &'static str,
        text: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<T>, Error> {
        let mut values: Vec<_> = values.into_iter().collect();
        let text = scoped::<A, R>(name, text, values.len() + 1)?;
        values.push(scope(self.own_id()));

        self.executor().query_as(name, &text, values).await
    }

    /// The same for a query that sea-query built from the columns of the entities.
    ///
    /// # Errors
    /// Like [`query`](Self::query).
    pub async fn query_select<R: Relations<A>, T: FromRow>(
        &self,
        name: &'static str,
        select: SelectStatement,
    ) -> Result<Vec<T>, Error> {
        let (text, values) = select.build(PostgresQueryBuilder);
        self.query::<R, T>(name, &text, values.0).await
    }
}

/// Number of checked texts that are remembered. Texts are static, but for those of sea-query.
const REMEMBERED: usize = 1_000;

type Checked = HashMap<(TypeId, usize), HashMap<Box<str>, Arc<str>>>;

/// The checked texts, by their relations and number of values.
static CHECKED: LazyLock<RwLock<Checked>> = LazyLock::new(RwLock::default);

/// The text of a query whose relations are limited to the owner in `$position`.
fn scoped<A: Authority, R: Relations<A>>(
    name: &str,
    text: &str,
    position: usize,
) -> Result<Arc<str>, Error> {
    let key = (TypeId::of::<R>(), position);
    let known = CHECKED.read().unwrap_or_else(PoisonError::into_inner);
    if let Some(scoped) = known.get(&key).and_then(|texts| texts.get(text)) {
        return Ok(scoped.clone());
    }
    drop(known);

    let scoped: Arc<str> = compose::<A, R>(text, position)
        .map_err(|refusal| Error::internal(format!("the query {name} is refused: {refusal}")))?
        .into();

    let mut known = CHECKED.write().unwrap_or_else(PoisonError::into_inner);
    let texts = known.entry(key).or_default();
    if texts.len() >= REMEMBERED {
        texts.clear();
    }
    texts.insert(text.into(), scoped.clone());

    Ok(scoped)
}

fn compose<A: Authority, R: Relations<A>>(text: &str, position: usize) -> Result<String, String> {
    let mut shadows = Vec::new();
    R::describe(&mut shadows);

    let relations: Vec<_> = shadows.iter().map(|shadow| shadow.name).collect();
    let functions: Vec<_> = shadows
        .iter()
        .flat_map(|shadow| shadow.functions)
        .copied()
        .collect();

    let names = Names {
        relations: &relations,
        functions: &functions,
    };
    let query = checked_query(text, &names)?;
    let clauses: Vec<_> = shadows
        .iter()
        .map(|shadow: &Shadow| shadow.clause(position))
        .collect();

    Ok(format!(
        r"
            WITH {clauses}
            SELECT asked.*
            FROM (
                {query}
            ) AS asked
        ",
        clauses = clauses.join(", ")
    ))
}
