//! Nobody grants what they do not hold.

use http::StatusCode;
use mainstay_access::Principal;
use mainstay_database::{Unscoped, Value};
use mainstay_http::{Kind, Problem};

use crate::events::{Action, about};

/// What was to be granted, or whom it was to be taken from, may do more than the caller.
pub(crate) const EXCEEDS_OWN: Kind =
    Kind::new(StatusCode::FORBIDDEN, "privilege_exceeds_own", "Nobody grants what they may not do themselves.");

/// The refusal, on record.
///
/// # Errors
/// The refusal, or what the database answered.
pub(crate) async fn exceeds_own(unscoped: &Unscoped, by: &Principal, resource: &'static str) -> Problem {
    match unscoped.record(about(Action::AuthzFail, resource, None, by.organization)).await {
        Ok(()) => EXCEEDS_OWN.problem(),
        Err(error) => error.into(),
    }
}

/// What the caller may do, for a statement that compares.
pub(crate) fn held(by: &Principal) -> Value {
    by.permissions.names().map(str::to_owned).collect::<Vec<_>>().into()
}
