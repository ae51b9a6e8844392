//! One rule: nobody grants what they do not hold, nor touches what belongs to somebody who holds more.
//!
//! The rule is a condition of the statement that acts: `role_exceeds` of the schema for a role that is given or taken, and
//! `member_exceeds` for what belongs to a member or a service account. This module hands statements what the caller holds,
//! and says why they changed nothing.

use http::StatusCode;
use mainstay_access::{Permission, Principal};
use mainstay_database::{Door, Unscoped, Uuid, Value};
use mainstay_http::{Kind, NOT_FOUND, Problem};

use crate::events::{Action, about};

/// What was to be granted, or whom it was to be taken from, may do more than the caller.
pub const EXCEEDS_OWN: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "privilege_exceeds_own",
    "This is more than your role grants: nobody gives, takes or changes what they do not hold.",
);

/// The refusal, on record.
///
/// # Errors
/// The refusal, or what the database answered.
pub async fn exceeds_own(
    unscoped: &Unscoped,
    by: &Principal,
    resource: &'static str,
    id: Option<Uuid>,
) -> Problem {
    match unscoped
        .record(about(Action::AuthzFail, resource, id, by.organization))
        .await
    {
        Ok(()) => EXCEEDS_OWN.problem(),
        Err(error) => error.into(),
    }
}

/// The refusal, on record, to whoever came through a door.
///
/// # Errors
/// The refusal, or what the database answered.
pub async fn refused<P: Permission>(
    by: &Door<P>,
    resource: &'static str,
    id: Option<Uuid>,
) -> Problem {
    exceeds_own(
        &by.unscoped("a refusal is no row of a feature"),
        by.principal(),
        resource,
        id,
    )
    .await
}

/// Why a statement about somebody's thing changed nothing: it belongs to somebody who may do more than the caller, or there
/// is no such thing. `find` is a name and a statement that gives whether it exceeds; it takes the caller's organization, the
/// values of `thing`, and what the caller holds.
pub async fn out_of_reach<P: Permission>(
    by: &Door<P>,
    find: (&'static str, &'static str),
    thing: impl IntoIterator<Item = Value>,
    (resource, id): (&'static str, Uuid),
) -> Problem {
    let values: Vec<_> = thing.into_iter().chain(held_by(by.principal())).collect();
    let rows = by.select(find.0, find.1, values).await;

    match rows.and_then(|rows| rows.first().map(|row| row.get::<bool>(0)).transpose()) {
        Err(error) => error.into(),
        Ok(Some(true)) => refused(by, resource, Some(id)).await,
        Ok(Some(false) | None) => NOT_FOUND.problem(),
    }
}

/// What `role_exceeds` compares a role with: what the caller may do, and whether they are an owner.
pub fn held_by(by: &Principal) -> [Value; 2] {
    [held(by), (by.role == "owner").into()]
}

/// What the caller may do, for a statement that compares.
pub fn held(by: &Principal) -> Value {
    by.permissions
        .names()
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into()
}
