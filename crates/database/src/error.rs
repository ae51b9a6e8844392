//! Why the database did not do what was asked.

use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgErrorPosition, PgSeverity};

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No row that the caller may know of.
    #[error("no such row")]
    NotFound,
    /// The row has changed since the version that the caller names.
    #[error("the row is at version {current}")]
    Stale {
        /// The version that the row has now.
        current: i64,
    },
    /// A named constraint of the schema refuses the values.
    #[error("constraint {name} refuses the row")]
    Constraint {
        /// The constraint's name, as the migration gave it.
        name: String,
        /// What sort of constraint it is.
        kind: ConstraintKind,
    },
    /// The cursor was made for another listing, or by nobody.
    #[error("the cursor belongs to no page of this listing")]
    Cursor,
    /// More rows match than the server is willing to sort in memory.
    #[error("more than {most} rows match; that is too many to sort by a sealed field")]
    TooManyToSort {
        /// How many may match.
        most: usize,
    },
    /// The account has searched or sorted by sealed values too often within the hour.
    #[error("the account compared sealed values too often")]
    TooManyComparisons {
        /// How long it waits.
        retry_after: Duration,
    },
    /// The row exists, and the caller asked to be shown nothing of it: `HEAD`.
    #[error("nothing is shown")]
    NotShown,
    /// Another transaction was in the way; the same request may succeed when it is sent again.
    #[error("another change was in the way")]
    Contended,
    /// Postgres aborted the transaction in favour of another (40001, 40P01). Nothing of it has happened.
    #[error("the transaction was aborted in favour of another")]
    Aborted,
    /// Postgres cannot be reached, had no connection free in time, or lacks what the statement needs. Nothing has happened.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// Postgres closed the connection with its answer (57P01 to 57P05, or fatal). Nothing has happened, and the connection is
    /// of no further use.
    #[error("the database has closed the connection")]
    Closed(#[source] Cause),
    /// The server takes no writes (25006). Nothing has happened, and the connection leads to the wrong server.
    #[error("the database takes no writes")]
    ReadOnly(#[source] Cause),
    /// The connection broke or went silent before an answer came. Nothing lasting was asked for.
    #[error("the connection to the database was lost")]
    Lost(#[source] Cause),
    /// The connection broke or went silent after something lasting was asked for: it may have happened.
    #[error("the connection to the database was lost; nobody knows whether the change happened")]
    OutcomeUnknown(#[source] Cause),
    /// The statement ran longer than its deadline.
    #[error("the statement ran longer than its deadline")]
    Timeout,
    /// Anything else: a fault of ours.
    #[error("the database refused a statement")]
    Internal(#[source] Cause),
}

/// What `admit_comparison` of the schema raises; its hint is the number of seconds to wait.
const TOO_MANY_COMPARISONS: &str = "MS429";

/// A write on a server that only reads: a standby, or one that is fenced off.
const READ_ONLY: &str = "25006";

/// What lies beneath an [`Error`], for the log alone.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What sort of constraint refused a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// Another row has the same value.
    Unique,
    /// The row that it refers to does not exist, or is still referred to.
    ForeignKey,
    /// A value breaks a rule of the schema.
    Check,
}

impl Error {
    /// How long a caller should wait before it tries again, where that makes sense.
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

    /// What lies beneath, for the log.
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

    pub(crate) fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    pub(crate) fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    pub(crate) fn lost(cause: impl Into<Cause>) -> Self {
        Self::Lost(cause.into())
    }

    /// The same of a connection that did not come about: nothing was asked yet.
    pub(crate) fn of_connecting(self) -> Self {
        match self {
            Self::Internal(cause)
            | Self::Closed(cause)
            | Self::ReadOnly(cause)
            | Self::Lost(cause) => Self::Unavailable(cause),
            other => other,
        }
    }

    /// Why no connection was made. Whatever the server says against it, it may say otherwise another time: it is as
    /// unavailable as one that is not there.
    pub(crate) fn not_connected(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refusal) => match refusal.try_downcast::<PgDatabaseError>() {
                Ok(refusal) => Self::unavailable(Refusal::from(&*refusal)),
                Err(other) => Self::unavailable(other),
            },
            other => Self::unavailable(other),
        }
    }

    /// Whether the connection that answered this must not be used again. A refusal of Postgres leaves it as good as it was.
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

/// By SQLSTATE (PostgreSQL manual, appendix A).
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
        // The session of the caller ended meanwhile: asked again, they are told so.
        "28000" => Error::Contended,
        "57014" => Error::Timeout,
        TOO_MANY_COMPARISONS => {
            let seconds = refusal
                .hint()
                .and_then(|hint| hint.parse().ok())
                .unwrap_or(60);
            Error::TooManyComparisons {
                retry_after: Duration::from_secs(seconds),
            }
        }
        // A pooler says so of a server that it lost in the middle of a statement.
        code if code.starts_with("08") => Error::lost(Refusal::from(refusal)),
        READ_ONLY => Error::ReadOnly(Refusal::from(refusal).into()),
        code if code.starts_with("57P") || is_fatal(refusal) => {
            Error::Closed(Refusal::from(refusal).into())
        }
        code if code.starts_with("53") => Error::unavailable(Refusal::from(refusal)),
        _ => Error::internal(Refusal::from(refusal)),
    }
}

/// Postgres closes a connection after a fatal answer, and gives one only where the transaction was rolled back: where it
/// cannot know, it closes without a word.
fn is_fatal(refusal: &PgDatabaseError) -> bool {
    matches!(refusal.severity(), PgSeverity::Fatal | PgSeverity::Panic)
}

/// What Postgres said, without what quotes values: its `DETAIL`, and the message of a data exception.
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

        // A data exception (class 22) quotes the value in its message: `invalid input syntax for type date: "…"`.
        let quotes = refusal.code().starts_with("22");
        let message = if quotes {
            "a value does not fit its type"
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
