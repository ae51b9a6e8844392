//! Conversion of database errors into problems.

use std::time::Duration;

use http::Method;
use mainstay_database::Error;

use crate::{
    CONFLICT, FieldError, INTERNAL, INVALID_INPUT, Kind, NOT_FOUND, OUTCOME_UNKNOWN,
    PRECONDITION_FAILED, Problem, TOO_MANY_REQUESTS, TOO_MANY_TO_SORT, UNAVAILABLE,
    problem_kinds::NOT_SHOWN,
};

const NO_CURSOR: &str = "is not a cursor of this listing with this order and these filters";

/// The default for `Retry-After`.
pub(crate) const SHORTLY: Duration = Duration::from_secs(1);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::NotFound => NOT_FOUND.problem(),
            Error::NotShown => NOT_SHOWN.problem(),
            Error::Stale { current } => PRECONDITION_FAILED
                .problem()
                .detail(format!("The resource is at version {current}. Read it again, then repeat the change.")),
            Error::Constraint { name, .. } => CONFLICT.problem().caused_by(format!("constraint {name}")),
            Error::Value { expected } => INVALID_INPUT.problem().detail(format!("Expected {expected}.")),
            Error::Cursor => INVALID_INPUT.problem().errors([FieldError {
                location: "query".into(),
                pointer: "/cursor".to_owned(),
                detail: NO_CURSOR.to_owned(),
            }]),
            Error::TooManyToSort { most } => TOO_MANY_TO_SORT.problem().detail(format!(
                "Over {most} rows match: too many to sort by a sealed field. Narrow the filter or change the order."
            )),
            Error::TooManyToChange { most } => {
                CONFLICT.problem().detail(format!("Over {most} rows match: too many to change at once."))
            }
            Error::TooManyComparisons { retry_after } => TOO_MANY_REQUESTS
                .problem()
                .detail("Too many searches or sorts by sealed values within an hour. Wait, then try again.")
                .retry_after(*retry_after),
            Error::Contended
            | Error::Aborted
            | Error::Unavailable(_)
            | Error::Closed(_)
            | Error::ReadOnly(_)
            | Error::Lost(_)
            | Error::Timeout => {
                UNAVAILABLE.problem().retry_after(error.retry_after().unwrap_or(SHORTLY)).caused_by(described(&error))
            }
            Error::OutcomeUnknown(_) => OUTCOME_UNKNOWN.problem().caused_by(described(&error)),
            Error::Internal(_) => INTERNAL.problem().caused_by(described(&error)),
        }
    }
}

impl Problem {
    /// Turns an unknown outcome of a safe method (RFC 9110 §9.2.1) into [`UNAVAILABLE`]: only the
    /// record of the read may have been written, so the client can repeat the request.
    #[must_use]
    pub(crate) fn for_method(self, method: &Method) -> Self {
        match self.kind() {
            OUTCOME_UNKNOWN if method.is_safe() => self.of_kind(UNAVAILABLE).retry_after(SHORTLY),
            _ => self,
        }
    }

    /// Points the error about an invalid cursor at the body, for endpoints that take their filters
    /// in the body.
    #[must_use]
    pub(crate) fn with_cursor_in_body(self) -> Self {
        self.map_errors(|error| match error.location.as_ref() {
            "query" if error.detail == NO_CURSOR => FieldError {
                location: "body".into(),
                ..error
            },
            _ => error,
        })
    }
}

/// Maps named constraints of the schema to problems:
///
/// ```ignore
/// by.insert(&note).await
///     .on_constraint("notes_customer_fkey", UNKNOWN_CUSTOMER)
///     .on_constraint("notes_title_key", TITLE_TAKEN)?;
/// ```
pub trait OnConstraint<T> {
    /// Maps a violation of `constraint` to `kind`, and leaves every other error unchanged.
    ///
    /// # Errors
    /// The problem, or the original error.
    fn on_constraint(self, constraint: &str, kind: Kind) -> Result<T, Failure>
    where
        Self: Sized,
    {
        self.on_constraints(&[constraint], kind)
    }

    /// Maps a violation of any of the `constraints` to `kind`, and leaves every other error
    /// unchanged.
    ///
    /// # Errors
    /// The problem, or the original error.
    fn on_constraints(self, constraints: &[&str], kind: Kind) -> Result<T, Failure>;
}

/// The failure of a statement, before it becomes a [`Problem`].
#[derive(Debug)]
pub enum Failure {
    /// An error of the database.
    Database(Error),
    /// The problem that a violated constraint was mapped to.
    Problem(Problem),
}

impl<T, E: Into<Failure>> OnConstraint<T> for Result<T, E> {
    fn on_constraints(self, constraints: &[&str], kind: Kind) -> Result<T, Failure> {
        self.map_err(|error| match error.into() {
            Failure::Database(Error::Constraint { name, .. })
                if constraints.contains(&name.as_str()) =>
            {
                Failure::Problem(kind.problem())
            }
            other => other,
        })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => error.into(),
            Failure::Problem(problem) => problem,
        }
    }
}

fn described(error: &Error) -> String {
    error
        .cause()
        .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
