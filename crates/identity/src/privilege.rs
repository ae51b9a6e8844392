//! Nobody grants a machine what they do not hold: what the refusal and its record have in common.

use mainstay_access::Principal;
use mainstay_database::{Unscoped, Value};
use mainstay_http::Problem;

use crate::{
    events::{Action, about},
    roles::PRIVILEGE_EXCEEDS_OWN,
};

/// The refusal, on record; or what the database answered, where it cannot be recorded.
pub(crate) async fn exceeds_own(unscoped: &Unscoped, by: &Principal, resource: &'static str) -> Problem {
    match unscoped.record(about(Action::AuthzFail, resource, None, by.organization)).await {
        Ok(()) => PRIVILEGE_EXCEEDS_OWN.problem().detail("Nobody grants what they may not do themselves."),
        Err(error) => error.into(),
    }
}

/// What the caller may do, for a statement that compares. No machine is an owner, so that it does not matter whether the
/// caller is.
pub(crate) fn held(by: &Principal) -> Value {
    by.permissions.names().map(str::to_owned).collect::<Vec<_>>().into()
}
