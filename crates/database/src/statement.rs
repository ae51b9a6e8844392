//! One statement: its name, text, values and timeout.

use std::{borrow::Cow, time::Duration};

use sea_query::Value;
use sqlx::{
    AssertSqlSafe, Executor as _, SqlSafeStr as _, Statement as _,
    postgres::{PgArguments, PgConnection, PgExecutor},
};
use tokio::time::timeout;

use crate::{Error, Row, column::arguments, from_row::Expectation};

/// A statement: its name for traces and metrics, its text, and the values of its parameters.
#[derive(Clone)]
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) sql: Cow<'static, str>,
    pub(crate) values: Vec<Value>,
    /// Why it is not limited to an owner, where it is not.
    pub(crate) unlimited: Option<&'static str>,
    effect: Effect,
    /// What its columns must be.
    expectation: Option<Expectation>,
}

/// The effect of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// Depends on the surrounding transaction.
    Open,
    /// Permanent: a write that is its own transaction, or `COMMIT`.
    Lasting,
    /// None: it makes its own transaction read-only.
    None,
}

impl Statement {
    pub(crate) fn new(
        name: &'static str,
        sql: impl Into<Cow<'static, str>>,
        values: Vec<Value>,
    ) -> Self {
        Self {
            name,
            sql: sql.into(),
            values,
            unlimited: None,
            effect: Effect::Open,
            expectation: None,
        }
    }

    /// Sets what its columns must be.
    pub(crate) fn expecting(self, expectation: Option<Expectation>) -> Self {
        Self {
            expectation,
            ..self
        }
    }

    /// Notes why it is not limited to an owner.
    pub(crate) fn unlimited(self, why: Option<&'static str>) -> Self {
        Self {
            unlimited: why,
            ..self
        }
    }

    /// Marks a statement whose effect is permanent, so that its outcome is unknown if the response
    /// is lost.
    pub(crate) fn lasting(self) -> Self {
        Self {
            effect: Effect::Lasting,
            ..self
        }
    }

    /// Marks a statement that makes its own transaction read-only, so that a refused write is a bug
    /// and not a read-only server.
    pub(crate) fn read_only(self) -> Self {
        Self {
            effect: Effect::None,
            ..self
        }
    }

    /// Encodes the values. With a value that cannot be encoded, nothing is sent.
    pub(crate) fn encode(self) -> Encoded {
        Encoded {
            sql: self.sql,
            arguments: arguments(self.values),
            effect: self.effect,
            expectation: self.expectation,
        }
    }

    /// Runs the statement: one round trip if the connection has prepared its text before.
    ///
    /// # Errors
    /// Like [`Encoded::run`].
    pub(crate) async fn run<'c>(
        self,
        connection: impl PgExecutor<'c>,
        patience: Patience,
    ) -> Result<Vec<Row>, Error> {
        self.encode().run(connection, patience).await
    }
}

/// The client-side timeout of a statement. It is longer than `statement_timeout`, so it only
/// expires if the network or the server is unresponsive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Option<Duration>);

impl Patience {
    /// How much longer than `statement_timeout` the client waits.
    const GRACE: Duration = Duration::from_secs(1);

    /// The timeout for statements with this `statement_timeout`; none if that is zero.
    pub(crate) fn beyond(statement_timeout: Duration) -> Self {
        Self((!statement_timeout.is_zero()).then(|| statement_timeout + Self::GRACE))
    }

    /// No timeout, for operator commands.
    pub(crate) const fn without_end() -> Self {
        Self(None)
    }

    /// Exactly this timeout.
    pub(crate) const fn of(duration: Duration) -> Self {
        Self(Some(duration))
    }

    /// The timeout; `None` if there is none.
    pub(crate) fn most(self) -> Option<Duration> {
        self.0
    }

    async fn hold<T>(self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
        match self.0 {
            None => Ok(work.await?),
            Some(most) => match timeout(most, work).await {
                Ok(answer) => Ok(answer?),
                Err(_) => Err(Error::lost(format!("no response within {most:?}"))),
            },
        }
    }
}

/// Checks the columns of a statement that the connection has just run. It has prepared the text, so
/// this is no round trip.
///
/// # Errors
/// [`Error::Internal`] if the columns are not as expected.
pub(crate) async fn check_columns(
    connection: &mut PgConnection,
    (sql, expectation): (Cow<'static, str>, Expectation),
) -> Result<(), Error> {
    let prepared = connection
        .prepare(AssertSqlSafe(sql).into_sql_str())
        .await?;
    expectation(prepared.columns())
}

/// A statement with encoded values.
pub(crate) struct Encoded {
    sql: Cow<'static, str>,
    arguments: Result<PgArguments, Error>,
    effect: Effect,
    expectation: Option<Expectation>,
}

impl Encoded {
    /// Whether its effect is permanent.
    pub(crate) fn is_lasting(&self) -> bool {
        self.effect == Effect::Lasting
    }

    /// Its text, and what its columns must be, if that is known.
    pub(crate) fn expectation(&self) -> Option<(Cow<'static, str>, Expectation)> {
        Some((self.sql.clone(), self.expectation?))
    }

    /// Runs the statement with the timeout `patience`. A connection that
    /// [broke](Error::breaks_connection) must not be used again.
    ///
    /// This is the only place that passes text to sqlx. The text is static or was built by this
    /// crate around parameters, so it never contains values.
    ///
    /// # Errors
    /// The error of Postgres; [`Error::Lost`] without a response, or [`Error::OutcomeUnknown`] if
    /// its effect is permanent.
    pub(crate) async fn run<'c>(
        self,
        connection: impl PgExecutor<'c>,
        patience: Patience,
    ) -> Result<Vec<Row>, Error> {
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments?);
        let rows = patience
            .hold(query.fetch_all(connection))
            .await
            .map_err(|error| match (self.effect, error) {
                (Effect::Lasting, Error::Lost(cause)) => Error::OutcomeUnknown(cause),
                (Effect::None, Error::ReadOnly(cause)) => Error::Internal(cause),
                (_, other) => other,
            })?;

        Ok(rows.into_iter().map(Row).collect())
    }
}
