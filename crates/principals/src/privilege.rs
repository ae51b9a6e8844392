//! One rule: callers grant only permissions they hold, and change nothing that belongs to an
//! account with more permissions.
//!
//! The rule is a condition of the statement that acts. It uses the schema's functions:
//! `role_exceeds` for a role that is granted or revoked, and `member_exceeds` for what belongs to a
//! member or a service account. This module gives the statements the caller's permissions, and
//! finds out why a statement changed nothing.

use http::StatusCode;
use mainstay_access::{Permission, Principal};
use mainstay_database::{Door, Relations, Sql, Uuid, Value};
use mainstay_http::{Kind, NOT_FOUND, Problem};

use crate::events::{Action, about};

/// The role to be granted, or the account to be changed, has more permissions than the caller.
pub const EXCEEDS_OWN: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "privilege_exceeds_own",
    "This exceeds your own permissions. You can only grant, revoke or change what your role grants you.",
);

/// Records the refusal in the audit log and returns it, or the error of the database.
pub async fn exceeds_own(
    sql: &Sql,
    by: &Principal,
    resource: &'static str,
    id: Option<Uuid>,
) -> Problem {
    match sql
        .record(about(Action::AuthzFail, resource, id, by.organization))
        .await
    {
        Ok(()) => EXCEEDS_OWN.problem(),
        Err(error) => error.into(),
    }
}

/// As [`exceeds_own`], for the caller of a [`Door`].
pub async fn refused<P: Permission>(
    by: &Door<P>,
    resource: &'static str,
    id: Option<Uuid>,
) -> Problem {
    exceeds_own(&by.sql(), by.principal(), resource, id).await
}

/// Finds out why a statement changed nothing: its target belongs to an account with more
/// permissions than the caller, or does not exist. `find` is the name and the text of a query over
/// `R` that selects whether the target exceeds the caller. Its parameters are the values of
/// `target`, and what [`held_by`] returns.
pub async fn out_of_reach<R: Relations<P>, P: Permission>(
    by: &Door<P>,
    find: (&'static str, &'static str),
    target: impl IntoIterator<Item = Value>,
    (resource, id): (&'static str, Uuid),
) -> Problem {
    let values: Vec<_> = target.into_iter().chain(held_by(by.principal())).collect();
    let exceeds = by.query::<R, bool>(find.0, find.1, values).await;

    match exceeds.map(|found| found.first().copied()) {
        Err(error) => error.into(),
        Ok(Some(true)) => refused(by, resource, Some(id)).await,
        Ok(Some(false) | None) => NOT_FOUND.problem(),
    }
}

/// The values that `role_exceeds` compares a role with: the caller's permissions, and whether the
/// caller is an owner.
pub fn held_by(by: &Principal) -> [Value; 2] {
    [held(by), (by.role == "owner").into()]
}

/// The caller's permissions, as a value of a statement.
pub fn held(by: &Principal) -> Value {
    by.permissions
        .names()
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into()
}
