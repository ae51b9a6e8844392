use std::borrow::Cow;

use sea_query::{Value, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, IntoArguments as _, Row as _,
    postgres::{PgArguments, PgExecutor, PgRow},
};

use crate::{Column, Error, Opening};

/// One statement: its name for traces and metrics, its text, and the values bound to `$1`, `$2` and so on.
#[derive(Clone)]
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) sql: Cow<'static, str>,
    pub(crate) values: Vec<Value>,
}

impl Statement {
    pub(crate) fn new(name: &'static str, sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Self {
        Self { name, sql: sql.into(), values }
    }

    /// Encodes the values. A value that cannot be encoded fails here, before a connection has seen anything.
    pub(crate) fn encode(self) -> Encoded {
        Encoded { sql: self.sql, arguments: SqlxValues(Values(self.values)).into_arguments() }
    }

    /// Runs on a connection: one round trip once the connection has prepared the text.
    pub(crate) async fn run<'c>(self, connection: impl PgExecutor<'c>) -> Result<Vec<Row>, Error> {
        self.encode().run(connection).await
    }
}

/// A statement whose values are in the form in which they are sent.
pub(crate) struct Encoded {
    sql: Cow<'static, str>,
    arguments: PgArguments,
}

impl Encoded {
    /// Runs on a connection.
    ///
    /// The only place that hands text to sqlx. Whatever reaches it is static or was built by this room around bound
    /// values, so no value is ever part of the text.
    pub(crate) async fn run<'c>(self, connection: impl PgExecutor<'c>) -> Result<Vec<Row>, Error> {
        let rows = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments).fetch_all(connection).await?;
        Ok(rows.into_iter().map(Row).collect())
    }
}

/// One row of an answer.
pub struct Row(pub(crate) PgRow);

impl Row {
    /// The value of a column that is not sealed, by its position from 0.
    ///
    /// # Errors
    /// [`Error::Internal`] when there is no such column or it has another type.
    pub fn get<C: Column>(&self, position: usize) -> Result<C, Error> {
        C::read(self, position, &Opening::closed(), "")
    }

    pub(crate) fn width(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_null(&self, position: usize) -> Result<bool, Error> {
        use sqlx::ValueRef as _;
        Ok(self.0.try_get_raw(position)?.is_null())
    }

    pub(crate) fn decode<'r, T>(&'r self, position: usize) -> Result<T, Error>
    where
        T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        Ok(self.0.try_get(position)?)
    }
}
