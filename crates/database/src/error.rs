//! The errors of the database.

use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgErrorPosition, PgSeverity};

/// Why a database operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such row, or the caller may not know of it.
    #[error("no such row")]
    NotFound,
    /// The row has changed since the version that the caller gave.
    #[error("the row is at version {current}")]
    Stale {
        /// The current version of the row.
        current: i64,
    },
    /// The row violates a constraint of the schema.
    #[error("the row violates the constraint {name}")]
    Constraint {
        /// Name of the constraint in the migration.
        name: String,
        /// Kind of constraint.
        kind: ConstraintKind,
    },
    /// The column cannot hold the value: it is out of the column's range, too long, or not finite.
    #[error("a column cannot hold a value: expected {expected}")]
    Value {
        /// What the column expected.
        expected: String,
    },
    /// The cursor is invalid, or belongs to another listing.
    #[error("the cursor does not belong to this listing")]
    Cursor,
    /// More rows match than can be sorted in memory.
    #[error("more than {most} rows match, too many to sort by a sealed field")]
    TooManyToSort {
        /// Maximum number of matching rows.
        most: usize,
    },
    /// More rows match than one statement changes. Nothing was changed.
    #[error("more than {most} rows match, too many to change at once")]
    TooManyToChange {
        /// Maximum number of matching rows.
        most: usize,
    },
    /// The account has searched or sorted by sealed values too often within an hour.
    #[error("the account searched or sorted by sealed values too often")]
    TooManyComparisons {
        /// How long to wait before the next attempt.
        retry_after: Duration,
    },
    /// The row exists, but the request was `HEAD`, whose response shows nothing of it.
    #[error("the row exists but is not shown")]
    NotShown,
    /// Concurrent changes prevented this one. The same request may succeed if it is repeated.
    #[error("gave up after repeated concurrent changes")]
    Contended,
    /// Postgres rolled the transaction back in favour of another (40001, 40P01).
    #[error("the transaction was rolled back in favour of another")]
    Aborted,
    /// Postgres is unreachable, no connection was free in time, or the server lacks resources.
    /// Nothing was changed.
    #[error("the database is unavailable")]
    Unavailable(#[source] Cause),
    /// Postgres closed the connection with its response (57P01 to 57P05, or fatal). Nothing was
    /// changed.
    #[error("the database closed the connection")]
    Closed(#[source] Cause),
    /// The server accepts no writes (25006). Nothing was changed, and the connection leads to the
    /// wrong server.
    #[error("the database accepts no writes")]
    ReadOnly(#[source] Cause),
    /// The connection was lost before the response to a statement that only reads.
    #[error("the connection to the database was lost")]
    Lost(#[source] Cause),
    /// The connection was lost before the response to a write, which may have been applied.
    #[error("the connection to the database was lost; the change may have been applied")]
    OutcomeUnknown(#[source] Cause),
    /// The statement timed out.
    #[error("the statement timed out")]
    Timeout,
    /// Any other error, which is a bug or a misconfiguration.
    #[error("internal database error")]
    Internal(#[source] Cause),
}

/// The SQLSTATE that the schema's `admit_comparison` raises; its hint is the number of seconds to
/// wait.
const TOO_MANY_COMPARISONS: &str = "MS429";

/// The SQLSTATE of a write on a read-only server, such as a standby.
const READ_ONLY: &str = "25006";

/// The underlying error, for logs only.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Kinds of constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// Another row has the same value.
    Unique,
    /// The referenced row does not exist, or the row is still referenced.
    ForeignKey,
    /// A value violates a rule of the schema.
    Check,
}

impl Error {
    /// How long to wait before repeating the operation; `None` if repeating it is pointless.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(_)
            | Self::Closed(_)
            | Self::ReadOnly(_)
            | Self::Lost(_)
            | Self::Timeout
            | Self::Contended
            | Self::Aborted => Some(Duration::from_secs(1)),
            Self::TooManyComparisons { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The underlying error, for logs.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Unavailable(cause)
            | Self::Closed(cause)
            | Self::ReadOnly(cause)
            | Self::Lost(cause)
            | Self::OutcomeUnknown(cause)
            | Self::Internal(cause) => Some(cause.to_string()),
            _ => None,
        }
    }

    /// The column cannot hold the value.
    pub(crate) fn refused(column: &str, expected: &str) -> Self {
        Self::Value {
            expected: format!("{expected} in {column}"),
        }
    }

    pub(crate) fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    pub(crate) fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    pub(crate) fn lost(cause: impl Into<Cause>) -> Self {
        Self::Lost(cause.into())
    }

    /// The error while connecting, when nothing was sent yet: the database is unavailable.
    pub(crate) fn of_connecting(self) -> Self {
        match self {
            Self::Internal(cause)
            | Self::Closed(cause)
            | Self::ReadOnly(cause)
            | Self::Lost(cause) => Self::Unavailable(cause),
            other => other,
        }
    }

    /// The error of a failed connection. Any refusal by the server may be temporary, so it counts
    /// as unavailable.
    pub(crate) fn not_connected(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refusal) => match refusal.try_downcast::<PgDatabaseError>() {
                Ok(refusal) => Self::unavailable(Refusal::from(&*refusal)),
                Err(other) => Self::unavailable(other),
            },
            other => Self::unavailable(other),
        }
    }

    /// Whether the connection must not be used again. After an ordinary error of Postgres, it can.
    pub(crate) fn breaks_connection(&self) -> bool {
        matches!(
            self,
            Self::Closed(_) | Self::ReadOnly(_) | Self::Lost(_) | Self::OutcomeUnknown(_)
        )
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refusal) => match refusal.try_downcast::<PgDatabaseError>() {
                Ok(refusal) => from_postgres(&refusal),
                Err(other) => Self::internal(other),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::WorkerCrashed => Self::lost(error),
            other => Self::internal(other),
        }
    }
}

/// Maps a SQLSTATE to an error (PostgreSQL manual, appendix A).
fn from_postgres(refusal: &PgDatabaseError) -> Error {
    let constraint = |kind| Error::Constraint {
        name: refusal.constraint().unwrap_or_default().to_owned(),
        kind,
    };

    match refusal.code() {
        "23505" => constraint(ConstraintKind::Unique),
        "23503" => constraint(ConstraintKind::ForeignKey),
        "23502" | "23514" => constraint(ConstraintKind::Check),
        "40001" | "40P01" => Error::Aborted,
        "55P03" => Error::Contended,
        // The caller's session has ended meanwhile. A repeated request is refused for that reason.
        "28000" => Error::Contended,
        "57014" => Error::Timeout,
        "22003" => unstorable("a number in the range of its column"),
        "22001" => unstorable("a text no longer than its column allows"),
        // NUL, as text or as `\u0000` in JSON.
        "22021" | "22P05" => unstorable("text without NUL characters"),
        TOO_MANY_COMPARISONS => {
            let seconds = refusal
                .hint()
                .and_then(|hint| hint.parse().ok())
                .unwrap_or(60);
            Error::TooManyComparisons {
                retry_after: Duration::from_secs(seconds),
            }
        }
        // A pooler reports this if it lost the server during a statement.
        code if code.starts_with("08") => Error::lost(Refusal::from(refusal)),
        READ_ONLY => Error::ReadOnly(Refusal::from(refusal).into()),
        code if code.starts_with("57P") || is_fatal(refusal) => {
            Error::Closed(Refusal::from(refusal).into())
        }
        code if code.starts_with("53") => Error::unavailable(Refusal::from(refusal)),
        _ => Error::internal(Refusal::from(refusal)),
    }
}

fn unstorable(expected: &str) -> Error {
    Error::Value {
        expected: expected.to_owned(),
    }
}

/// After a fatal error, Postgres closes the connection, and the transaction is rolled back. If the
/// outcome is unknown, Postgres closes the connection without a response.
fn is_fatal(refusal: &PgDatabaseError) -> bool {
    matches!(refusal.severity(), PgSeverity::Fatal | PgSeverity::Panic)
}

/// The error of Postgres, without the parts that may quote values: `DETAIL`, and the message of a
/// data exception.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {message}{place}")]
struct Refusal {
    code: String,
    message: String,
    place: String,
}

impl From<&PgDatabaseError> for Refusal {
    fn from(refusal: &PgDatabaseError) -> Self {
        let place = match refusal.position() {
            Some(PgErrorPosition::Original(character)) => format!(" (at character {character})"),
            _ => String::new(),
        };

        // A data exception (class 22) quotes the value in its message: `invalid input syntax for
        // type date: "…"`.
        let quotes = refusal.code().starts_with("22");
        let message = if quotes {
            "a value is invalid for its type"
        } else {
            refusal.message()
        };

        Self {
            code: refusal.code().to_owned(),
            message: message.to_owned(),
            place,
        }
    }
}
