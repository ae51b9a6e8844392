//! Removes every second factor of an account, for an operator.

use mainstay_database::{Change, Error, Sql};
use mainstay_kernel::UserId;
use mainstay_principals::events::{Action, about_user};

use crate::{account::owner::find_any_owner, letters};

/// Removes every second factor of an account and ends its sessions. An operator must verify by
/// other means that the person who lost the factors is the owner (OWASP ASVS 6.4.4). The owner can
/// still sign in with the password. Every replica sees this within a second. Returns `false` if
/// there is no such person.
///
/// # Errors
/// The error of the database; nothing was changed.
pub async fn reset_second_factors(sql: &Sql, user: UserId) -> Result<bool, Error> {
    // The lock on the account orders this statement before or after a concurrent sign-in.
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

    let Some(owner) = find_any_owner(sql, user).await? else {
        return Ok(false);
    };
    let notice = owner.notice(&letters::second_factors_reset(), sql)?;

    let now = sql.database().runtime().clock.now();
    let event = about_user(Action::SecondFactorsReset, Some(user), None);
    let values = [user.uuid().into(), now.inner().into()];

    sql.change(Change::new("users.reset_second_factors", RESET, values, event).queue(notice))
        .await?;

    Ok(true)
}
