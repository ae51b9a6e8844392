use std::time::Duration;

use sqlx::postgres::{PgDatabaseError, PgErrorPosition};

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
    /// Postgres cannot be reached, or had no connection free in time.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// The statement ran longer than its deadline.
    #[error("the statement ran longer than its deadline")]
    Timeout,
    /// Anything else: a fault of ours.
    #[error("the database refused a statement")]
    Internal(#[source] Cause),
}

/// What `admit_comparison` of the schema raises; its hint is the number of seconds to wait.
const TOO_MANY_COMPARISONS: &str = "MS429";

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
            Self::Unavailable(_) | Self::Timeout | Self::Contended | Self::Aborted => Some(Duration::from_secs(1)),
            Self::TooManyComparisons { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// What lies beneath, for the log.
    pub fn cause(&self) -> Option<String> {
        match self {
            Self::Unavailable(cause) | Self::Internal(cause) => Some(cause.to_string()),
            _ => None,
        }
    }

    pub(crate) fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    pub(crate) fn unavailable(cause: impl Into<Cause>) -> Self {
        Self::Unavailable(cause.into())
    }

    /// Whether the connection that answered this must not be used again.
    pub(crate) fn breaks_connection(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Internal(_) | Self::Timeout)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refusal) => match refusal.try_downcast::<PgDatabaseError>() {
                Ok(refusal) => from_postgres(&refusal),
                Err(other) => Self::internal(other),
            },
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => {
                Self::unavailable(error)
            }
            other => Self::internal(other),
        }
    }
}

/// By SQLSTATE (PostgreSQL manual, appendix A).
fn from_postgres(refusal: &PgDatabaseError) -> Error {
    let constraint = |kind| Error::Constraint { name: refusal.constraint().unwrap_or_default().to_owned(), kind };
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
            let seconds = refusal.hint().and_then(|hint| hint.parse().ok()).unwrap_or(60);
            Error::TooManyComparisons { retry_after: Duration::from_secs(seconds) }
        }
        code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
            Error::unavailable(Refusal::from(refusal))
        }
        _ => Error::internal(Refusal::from(refusal)),
    }
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
        let message = if quotes { "a value does not fit its type" } else { refusal.message() };
        Self { code: refusal.code().to_owned(), message: message.to_owned(), place }
    }
}
