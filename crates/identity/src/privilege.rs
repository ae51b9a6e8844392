//! Nobody grants what they do not hold.

use http::StatusCode;
use mainstay_access::{Permission, Principal};
use mainstay_database::{Door, Unscoped, Uuid, Value};
use mainstay_http::{Kind, Problem};

use crate::events::{Action, about};

/// What was to be granted, or whom it was to be taken from, may do more than the caller.
pub(crate) const EXCEEDS_OWN: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "privilege_exceeds_own",
    "This is more than your role grants: nobody gives, takes or changes what they do not hold.",
);

/// The refusal, on record.
///
/// # Errors
/// The refusal, or what the database answered.
pub(crate) async fn exceeds_own(
    unscoped: &Unscoped,
    by: &Principal,
    resource: &'static str,
    id: Option<Uuid>,
) -> Problem {
    match unscoped.record(about(Action::AuthzFail, resource, id, by.organization)).await {
        Ok(()) => EXCEEDS_OWN.problem(),
        Err(error) => error.into(),
    }
}

/// The refusal, on record, to whoever came through a door.
///
/// # Errors
/// The refusal, or what the database answered.
pub(crate) async fn refused<P: Permission>(by: &Door<P>, resource: &'static str, id: Option<Uuid>) -> Problem {
    exceeds_own(&by.unscoped("a refusal is no row of a feature"), by.principal(), resource, id).await
}

/// What `role_exceeds` compares a role with: what the caller may do, and whether they are an owner.
pub(crate) fn held_by(by: &Principal) -> [Value; 2] {
    [held(by), (by.role == "owner").into()]
}

/// What the caller may do, for a statement that compares.
pub(crate) fn held(by: &Principal) -> Value {
    by.permissions.names().map(str::to_owned).collect::<Vec<_>>().into()
}
