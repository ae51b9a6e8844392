//! Deactivates and deletes accounts.

use mainstay_database::{Change, Error, Job, Scope, Sql};
use mainstay_http::{Fresh, InPerson, NoContent, Problem, Shared, WithHeaders, delete, post};
use mainstay_kernel::UserId;
use mainstay_principals::{
    events::{Action, about_user},
    session_cookie::clearing_cookie,
};

use super::owner::find_owner;
use crate::{accounts::Accounts, letters, problems::LAST_OWNER};

/// Deactivate your account.
///
/// All sessions end. No one can sign in to the account until an operator activates it again.
#[post("/v1/me/deactivation", problems(LAST_OWNER))]
pub(super) async fn deactivate_me(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
) -> Result<WithHeaders<NoContent>, Problem> {
    let user = by.principal().user;
    let sql = by.sql();
    let owner = find_owner(&sql, user).await?;
    let notice = owner.notice(&letters::account_deactivated(), &sql)?;

    if !set_active(&sql, user, false, notice).await? {
        return Err(LAST_OWNER.problem());
    }

    accounts.principals.forget_user(user);

    Ok(WithHeaders(
        NoContent,
        clearing_cookie().into_iter().collect(),
    ))
}

/// Delete your account.
///
/// This also deletes the rows that are yours alone, and destroys the keys to your personal data. The
/// audit log keeps the records of your actions, but they no longer identify you.
#[delete("/v1/me", problems(LAST_OWNER))]
pub(super) async fn delete_me(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
) -> Result<WithHeaders<NoContent>, Problem> {
    let user = by.principal().user;
    let sql = by.sql();
    let owner = find_owner(&sql, user).await?;
    let notice = owner.notice(&letters::account_deleted(), &sql)?;

    if !delete_account(&sql, user, notice).await? {
        return Err(LAST_OWNER.problem());
    }

    accounts.principals.forget_user(user);

    Ok(WithHeaders(
        NoContent,
        clearing_cookie().into_iter().collect(),
    ))
}

/// Activates or deactivates an account. Deactivation ends its sessions. Returns `false` if there is
/// no such account, it already has that state, or an organization would be left without an owner.
/// `notice` is an e-mail to queue.
///
/// # Errors
/// The error of the database.
pub async fn set_active(
    sql: &Sql,
    user: UserId,
    active: bool,
    notice: Option<Job>,
) -> Result<bool, Error> {
    const SET: &str = r"
        changed AS (
            UPDATE mainstay.users
            SET active = $2, credentials_version = credentials_version + 1
            WHERE id = $1 AND active <> $2 AND ($2 OR NOT mainstay.is_last_owner(id))
            RETURNING id, CASE WHEN NOT $2 THEN mainstay.end_sessions(id, NULL, NULL, $3) END
        )
    ";

    let now = sql.database().runtime().clock.now();
    let action = if active {
        Action::UserRestored
    } else {
        Action::UserArchived
    };

    let values = [user.uuid().into(), active.into(), now.inner().into()];
    let change = Change::new(
        "users.set_active",
        SET,
        values,
        about_user(action, Some(user), None),
    )
    .queue(notice);

    Ok(!sql.change(change).await?.is_empty())
}

/// Deletes an account, its own rows of all registered tables, and the keys to its personal data.
/// Returns `false` if there is no such account, or an organization would be left without an owner.
/// `notice` is an e-mail to queue. The record lists the IDs of the deleted rows.
///
/// # Errors
/// The error of the database.
pub async fn delete_account(sql: &Sql, user: UserId, notice: Option<Job>) -> Result<bool, Error> {
    const DELETE: &str = r"
        changed AS (
            DELETE FROM mainstay.users u
            WHERE u.id = $1 AND NOT mainstay.is_last_owner(u.id)
            RETURNING
                u.id,
                mainstay.destroy_data_key(u.data_key),
                mainstay.forget_account(u.id),
                NULL::jsonb AS before,
                mainstay.delete_own_rows(u.id, $2, $3) AS after
        )
    ";

    let own = sql
        .database()
        .sealed_tables()
        .iter()
        .filter(|table| table.scope == Scope::Person);
    let (tables, resources): (Vec<_>, Vec<_>) = own
        .map(|table| (table.table.to_owned(), table.resource.to_owned()))
        .unzip();

    let event = about_user(Action::UserDeleted, Some(user), None);
    let values = [user.uuid().into(), tables.into(), resources.into()];
    let change = Change::new("users.delete", DELETE, values, event)
        .showing_rows()
        .queue(notice);

    Ok(!sql.change(change).await?.is_empty())
}
