//! Passwords that were allowed to be short because of a second factor: they do not sign in without one.

use http::StatusCode;
use mainstay_database::{Error, Unscoped};
use mainstay_http::{Kind, Problem};
use mainstay_kernel::UserId;
use mainstay_principals::events::{Action, about_user};

use crate::{
    accounts::Accounts,
    passwords::{password::Password, rules::is_long_enough_alone},
};

/// The password is right, and too short now that the account has no second factor. Only a person who knows it is told.
pub(crate) const PASSWORD_REPLACEMENT_REQUIRED: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "password_replacement_required",
    "This password is too short without a second factor: request a password reset and choose a longer one.",
);

/// A sign-in by a password that is not known to be long enough alone.
pub(crate) struct UnprovenPassword<'a> {
    pub(super) user: UserId,
    /// The version of the credentials that were verified.
    pub(super) credentials: i64,
    pub(super) second_factor: bool,
    pub(super) password: &'a Password,
}

/// Refuses a short password where no second factor stands beside it (NIST SP 800-63B-4 §3.1.1.2); notes one that turns out to
/// be long enough.
///
/// # Errors
/// [`PASSWORD_REPLACEMENT_REQUIRED`], which is recorded.
pub(crate) async fn check_alone(
    unscoped: &Unscoped,
    accounts: &Accounts,
    shown: UnprovenPassword<'_>,
) -> Result<(), Problem> {
    if is_long_enough_alone(&accounts.settings, shown.password) {
        return Ok(note(unscoped, &shown).await?);
    }
    if shown.second_factor {
        return Ok(());
    }

    unscoped
        .record(about_user(Action::LoginFail, Some(shown.user), None))
        .await?;
    Err(PASSWORD_REPLACEMENT_REQUIRED.problem())
}

async fn note(unscoped: &Unscoped, shown: &UnprovenPassword<'_>) -> Result<(), Error> {
    const NOTE: &str = r"
        UPDATE mainstay.users
        SET password_alone = true
        WHERE id = $1 AND credentials_version = $2 AND NOT password_alone
    ";
    let values = [shown.user.uuid().into(), shown.credentials.into()];
    unscoped
        .upkeep("users.password_alone", NOTE, values)
        .await
        .map(drop)
}
