//! Removing every second factor of an account, as an operator does.

use mainstay_database::{Change, Error, Unscoped};
use mainstay_kernel::UserId;
use mainstay_principals::events::{Action, about_user};

use crate::{account::owner::find_any_owner, letters};

/// Takes away every second factor of an account and ends its sessions: for an operator who has made sure, by other means,
/// that the person who lost them is the owner (OWASP ASVS 6.4.4). The password stays, and so the owner can sign in.
/// Replicas hear of it within a second. `false` when there is no such person.
///
/// # Errors
/// As the database answers; then nothing was changed.
pub async fn reset_second_factors(unscoped: &Unscoped, user: UserId) -> Result<bool, Error> {
    // The account is locked first: a sign-in that is under way starts its session before, or not at all.
    const RESET: &str = r"
        person AS (
            SELECT id
            FROM mainstay.users
            WHERE id = $1
            FOR NO KEY UPDATE
        ),
        changed AS (SELECT mainstay.end_sessions(id, NULL, NULL, $2) FROM person),
        apps AS (
            DELETE FROM mainstay.totps
            WHERE user_id IN (SELECT id FROM person)
        ),
        keys AS (
            DELETE FROM mainstay.passkeys
            WHERE user_id IN (SELECT id FROM person)
        )
    ";

    let Some(owner) = find_any_owner(unscoped, user).await? else {
        return Ok(false);
    };
    let told = owner.told(&letters::second_factors_reset(), unscoped)?;

    let now = unscoped.database().runtime().clock.now();
    let event = about_user(Action::SecondFactorsReset, Some(user), None);
    let values = [user.uuid().into(), now.inner().into()];

    unscoped
        .change(Change::new("users.reset_second_factors", RESET, values, event).queue(told))
        .await?;

    Ok(true)
}
