//! One statement: its name, its text, the values bound to it, and how long its answer is waited for.

use std::{borrow::Cow, time::Duration};

use sea_query::{Value, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, IntoArguments as _,
    postgres::{PgArguments, PgExecutor},
};
use tokio::time::timeout;

use crate::{Error, Row};

/// One statement: its name for traces and metrics, its text, and the values bound to `$1`, `$2` and so on.
#[derive(Clone)]
pub(crate) struct Statement {
    pub(crate) name: &'static str,
    pub(crate) sql: Cow<'static, str>,
    pub(crate) values: Vec<Value>,
    /// Why no organization limits it, where none does.
    pub(crate) unscoped: Option<&'static str>,
    effect: Effect,
}

/// What a statement leaves behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    /// What the transaction around it makes of it.
    Open,
    /// What it did: a write that is its own transaction, or `COMMIT`.
    Lasting,
    /// Nothing: it has made its own transaction read-only.
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
            unscoped: None,
            effect: Effect::Open,
        }
    }

    /// Notes why no organization limits it.
    pub(crate) fn unscoped(self, why: Option<&'static str>) -> Self {
        Self {
            unscoped: why,
            ..self
        }
    }

    /// Notes that what it does lasts once it has ended: when its answer is lost, nobody knows whether it happened.
    pub(crate) fn lasting(self) -> Self {
        Self {
            effect: Effect::Lasting,
            ..self
        }
    }

    /// Notes that it has made its own transaction read-only: that a write is refused is its own fault, and not the
    /// server's.
    pub(crate) fn read_only(self) -> Self {
        Self {
            effect: Effect::None,
            ..self
        }
    }

    /// Encodes the values. A value that cannot be encoded fails here, before a connection has seen anything.
    pub(crate) fn encode(self) -> Encoded {
        let arguments = SqlxValues(Values(self.values)).into_arguments();
        Encoded {
            sql: self.sql,
            arguments,
            effect: self.effect,
        }
    }

    /// Runs on a connection: one round trip once the connection has prepared the text.
    ///
    /// # Errors
    /// As [`Encoded::run`].
    pub(crate) async fn run<'c>(
        self,
        connection: impl PgExecutor<'c>,
        patience: Patience,
    ) -> Result<Vec<Row>, Error> {
        self.encode().run(connection, patience).await
    }
}

/// How long an answer is waited for, on this side of the wire. Postgres ends a statement itself before that
/// (`statement_timeout`), so that what exceeds it is a path or a server that has gone silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Option<Duration>);

impl Patience {
    /// How much longer this side waits than Postgres does.
    const GRACE: Duration = Duration::from_secs(1);

    /// The limit of statements that Postgres lets run for `statement_timeout`; none where that is nothing.
    pub(crate) fn beyond(statement_timeout: Duration) -> Self {
        Self((!statement_timeout.is_zero()).then(|| statement_timeout + Self::GRACE))
    }

    /// For as long as it takes: for work of an operator, who watches.
    pub(crate) const fn without_end() -> Self {
        Self(None)
    }

    /// Exactly so long.
    pub(crate) const fn of(duration: Duration) -> Self {
        Self(Some(duration))
    }

    /// How long that is; nothing where it has no end.
    pub(crate) fn most(self) -> Option<Duration> {
        self.0
    }

    async fn hold<T>(self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, Error> {
        match self.0 {
            None => Ok(work.await?),
            Some(most) => match timeout(most, work).await {
                Ok(answer) => Ok(answer?),
                Err(_) => Err(Error::lost(format!("no answer came within {most:?}"))),
            },
        }
    }
}

/// A statement whose values are in the form in which they are sent.
pub(crate) struct Encoded {
    sql: Cow<'static, str>,
    arguments: PgArguments,
    effect: Effect,
}

impl Encoded {
    /// Whether what it does lasts once it has ended.
    pub(crate) fn is_lasting(&self) -> bool {
        self.effect == Effect::Lasting
    }

    /// Runs on a connection, whose answer is waited for no longer than `patience`. A connection that
    /// [broke](Error::breaks_connection) must not be used again.
    ///
    /// The only place that hands text to sqlx. Whatever reaches it is static or was built by this room around bound
    /// values, so no value is ever part of the text.
    ///
    /// # Errors
    /// As Postgres answers; [`Error::Lost`] without an answer, and [`Error::OutcomeUnknown`] where it was to be
    /// lasting.
    pub(crate) async fn run<'c>(
        self,
        connection: impl PgExecutor<'c>,
        patience: Patience,
    ) -> Result<Vec<Row>, Error> {
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments);
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
