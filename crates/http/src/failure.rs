//! How failures of the rooms below become problems.

use std::time::Duration;

use http::Method;
use mainstay_database::Error;
use serde::Serialize;

use crate::{
    CONFLICT, FieldError, INTERNAL, INVALID_INPUT, Kind, NOT_FOUND, OUTCOME_UNKNOWN,
    PRECONDITION_FAILED, Problem, TOO_MANY_REQUESTS, TOO_MANY_TO_SORT, UNAVAILABLE,
    kinds::NOT_SHOWN,
};

const NO_CURSOR: &str = "not a cursor of this listing with this order and these filters";

/// When to ask again, where nothing better is known.
pub(crate) const SHORTLY: Duration = Duration::from_secs(1);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::NotFound => NOT_FOUND.problem(),
            Error::NotShown => NOT_SHOWN.problem(),
            Error::Stale { current } => PRECONDITION_FAILED
                .problem()
                .detail(format!("The resource is at version {current}: read it again, then repeat the change.")),
            Error::Constraint { name, .. } => CONFLICT.problem().caused_by(format!("constraint {name}")),
            Error::Cursor => INVALID_INPUT.problem().errors([FieldError {
                location: "query".into(),
                pointer: "/cursor".to_owned(),
                detail: NO_CURSOR.to_owned(),
            }]),
            Error::TooManyToSort { most } => TOO_MANY_TO_SORT.problem().detail(format!(
                "More than {most} rows match. This order is by a sealed field: narrow the filter, or choose another."
            )),
            Error::TooManyComparisons { retry_after } => TOO_MANY_REQUESTS
                .problem()
                .detail("Sealed values were searched or sorted too often within an hour.")
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
    /// Calls an unknown outcome what it is to a method that changes nothing of the resource (RFC 9110 §9.2.1): what may have
    /// happened is a record of the reading, and the reading can be repeated.
    #[must_use]
    pub(crate) fn for_method(self, method: &Method) -> Self {
        match self.kind() {
            OUTCOME_UNKNOWN if method.is_safe() => self.of_kind(UNAVAILABLE).retry_after(SHORTLY),
            _ => self,
        }
    }

    /// Says that a cursor which was not opened stood in the body: the endpoint takes its filters there.
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

/// Gives named constraints of the schema problems of their own:
///
/// ```ignore
/// by.insert(&note).await
///     .on_constraint("notes_customer_fkey", UNKNOWN_CUSTOMER)
///     .on_constraint("notes_title_key", TITLE_TAKEN)?;
/// ```
pub trait OnConstraint<T> {
    /// Answers `kind` where `constraint` refused a row; every other error stays what it is.
    ///
    /// # Errors
    /// The problem, or the error.
    fn on_constraint(self, constraint: &str, kind: Kind) -> Result<T, Failure>
    where
        Self: Sized,
    {
        self.on_constraints(&[constraint], kind)
    }

    /// Answers `kind` where one of the `constraints` refused a row; every other error stays what it is.
    ///
    /// # Errors
    /// The problem, or the error.
    fn on_constraints(self, constraints: &[&str], kind: Kind) -> Result<T, Failure>;
}

/// What a statement failed with, on its way to a problem.
#[derive(Debug)]
pub enum Failure {
    /// What the database answered.
    Database(Error),
    /// What a constraint was given to answer.
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

/// The JSON of a value of ours. All of them have string keys and no failing `Serialize`, so it cannot fail.
pub(crate) fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be written as JSON");
        Vec::new()
    })
}
