//! Removes an authenticator app.

use mainstay_database::Change;
use mainstay_http::{Fresh, InPerson, NOT_FOUND, NoContent, Problem, Shared, delete};
use mainstay_principals::{
    events::{Action, about},
    standing::{self, Hold},
};

use crate::{
    account::owner::find_owner, accounts::Accounts, letters, passwords::rules::PASSWORD_TOO_SHORT,
};

/// Remove the authenticator app.
///
/// Use this when a device is lost or replaced. All other sessions end. If this was the last factor,
/// sign-in requires only the password from then on, and the recovery codes are deleted. If the
/// password is too short to be used alone, change it first.
#[delete("/v1/me/totp", problems(NOT_FOUND, PASSWORD_TOO_SHORT))]
pub(super) async fn delete_totp(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
) -> Result<NoContent, Problem> {
    const DELETE: &str = r"
        changed AS (
            DELETE FROM mainstay.totps
            WHERE user_id = $1
              AND secret IS NOT NULL
              AND EXISTS (SELECT FROM held)
              AND NOT mainstay.password_needs($1, NULL)
            RETURNING user_id, mainstay.end_sessions(user_id, NULL, $3, $2)
        )
    ";

    const EXISTS: &str = r"
        SELECT FROM mainstay.totps
        WHERE user_id = $1 AND secret IS NOT NULL
    ";

    let principal = by.principal();
    let sql = by.sql();
    let user = principal.user.uuid();
    let owner = find_owner(&sql, principal.user).await?;
    let now = accounts.runtime().clock.now();
    let values = [
        user.into(),
        now.inner().into(),
        principal.session.uuid().into(),
    ];
    let event = about(
        Action::SecondFactorRemoved,
        "totp",
        Some(user),
        principal.organization,
    );
    let notice = owner.notice(
        &letters::second_factor_removed("the authenticator app"),
        &sql,
    )?;

    let removed = sql
        .change(
            Change::new("totps.delete", DELETE, values, event)
                .given(standing::in_person(principal, Hold::Alone))
                .queue(notice),
        )
        .await?;
    accounts.principals.forget_user(principal.user);

    if removed.is_empty() {
        let exists = !sql
            .select("totps.exists", EXISTS, [user.into()])
            .await?
            .is_empty();
        let refused = if exists {
            PASSWORD_TOO_SHORT.problem()
        } else {
            NOT_FOUND.problem()
        };
        return Err(standing::ended_or(&sql, principal, refused).await);
    }

    Ok(NoContent)
}
