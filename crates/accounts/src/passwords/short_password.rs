//! Passwords that may be short because of a second factor. They do not sign in without one.

use http::StatusCode;
use mainstay_database::{Error, Sql};
use mainstay_http::{Kind, Problem};
use mainstay_kernel::UserId;
use mainstay_principals::events::{Action, about_user};

use crate::{
    accounts::Accounts,
    passwords::{password::Password, rules::is_long_enough_alone},
};

/// The password is correct, but too short because the account no longer has a second factor.
/// Returned only after the correct password.
pub(crate) const PASSWORD_REPLACEMENT_REQUIRED: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "password_replacement_required",
    "This password is too short without a second factor. Request a password reset and choose a longer one.",
);

/// A sign-in with a password that is not known to be long enough without a second factor.
pub(crate) struct UnprovenPassword<'a> {
    pub(super) user: UserId,
    /// The version of the credentials that were verified.
    pub(super) credentials: i64,
    pub(super) second_factor: bool,
    pub(super) password: &'a Password,
}

/// Refuses a short password of an account without a second factor (NIST SP 800-63B-4 §3.1.1.2), and
/// records a password that is long enough.
///
/// # Errors
/// [`PASSWORD_REPLACEMENT_REQUIRED`], which is recorded.
pub(crate) async fn check_alone(
    sql: &Sql,
    accounts: &Accounts,
    password: UnprovenPassword<'_>,
) -> Result<(), Problem> {
    if is_long_enough_alone(&accounts.settings, password.password) {
        return Ok(record_long_enough(sql, &password).await?);
    }
    if password.second_factor {
        return Ok(());
    }

    sql.record(about_user(Action::LoginFail, Some(password.user), None))
        .await?;

    Err(PASSWORD_REPLACEMENT_REQUIRED.problem())
}

async fn record_long_enough(sql: &Sql, password: &UnprovenPassword<'_>) -> Result<(), Error> {
    const RECORD: &str = r"
        UPDATE mainstay.users
        SET password_alone = true
        WHERE id = $1 AND credentials_version = $2 AND NOT password_alone
    ";

    let values = [password.user.uuid().into(), password.credentials.into()];
    sql.upkeep("users.password_alone", RECORD, values)
        .await
        .map(drop)
}
