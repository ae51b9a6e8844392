//! Changes the caller's password.

use mainstay_crypto::Verdict;
use mainstay_database::Change;
use mainstay_http::{Fresh, InPerson, Json, NoContent, Problem, Shared, input, put};
use mainstay_kernel::{ExposeSecret as _, SecretString};
use mainstay_principals::{
    events::{Action, about_user},
    standing::{self, Hold},
};

use super::{
    password::Password,
    rules::{check, is_long_enough_alone},
};
use crate::{
    account::credentials::find_credentials,
    accounts::Accounts,
    letters,
    problems::{INVALID_CREDENTIALS, not_hashed},
    throttle::{
        TOO_MANY_ATTEMPTS,
        attempts::{admit_holder, take_back},
        keys::AttemptKeys,
    },
};

/// A change of password.
#[input]
pub(super) struct ChangePassword {
    /// The current password; omit it if the account has none.
    current_password: Option<Password>,
    /// The new password.
    new_password: Password,
}

/// Change your password.
///
/// All other sessions end, and you receive an e-mail.
#[put("/v1/me/password", problems(INVALID_CREDENTIALS, TOO_MANY_ATTEMPTS))]
pub(super) async fn change_password(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
    Json(body): Json<ChangePassword>,
) -> Result<NoContent, Problem> {
    const CHANGE: &str = r"
        changed AS (
            UPDATE mainstay.users
            SET password_hash = $2,
                password_alone = $5,
                credentials_version = credentials_version + 1
            WHERE id = $1
              AND EXISTS (SELECT FROM held)
            RETURNING mainstay.end_sessions(id, NULL, $4, $3)
        ),
        resets AS (
            DELETE FROM mainstay.password_resets
            WHERE user_id = $1
              AND EXISTS (SELECT FROM changed)
        )
    ";

    let principal = by.principal();
    let sql = by.sql();

    let keys = AttemptKeys::new(
        sql.database().ring(),
        "step_up",
        principal.user.uuid().as_bytes(),
        by.origin().address,
    );
    let attempt = admit_holder(&sql, principal.user, keys).await?;
    let credentials = find_credentials(&sql, principal.user).await?;
    let current = body
        .current_password
        .as_ref()
        .map_or_else(|| SecretString::from(""), |it| it.secret().clone());

    if let Some(stored) = &credentials.password_hash
        && accounts
            .hasher
            .verify(&current, Some(stored.expose_secret()))
            .await
            .map_err(not_hashed)?
            == Verdict::Wrong
    {
        sql.record(about_user(
            Action::PasswordChangeFail,
            Some(principal.user),
            principal.organization,
        ))
        .await?;
        return Err(INVALID_CREDENTIALS
            .problem()
            .detail("The current password is wrong."));
    }

    take_back(&sql, attempt).await?;

    let context = vec![credentials.email.as_str().to_owned()];
    check(
        &accounts,
        &body.new_password,
        "new_password",
        credentials.second_factor,
        context,
    )
    .await?;

    let hash = accounts
        .hasher
        .hash(body.new_password.secret())
        .await
        .map_err(not_hashed)?;

    let now = accounts.runtime().clock.now();
    let values = [
        principal.user.uuid().into(),
        hash.into(),
        now.inner().into(),
        principal.session.uuid().into(),
        is_long_enough_alone(&accounts.settings, &body.new_password).into(),
    ];
    let event = about_user(
        Action::PasswordChange,
        Some(principal.user),
        principal.organization,
    );
    let notice = letters::to(
        &credentials.email,
        &letters::password_changed(&credentials.keys),
        &sql,
    )?;
    let change = Change::new("users.change_password", CHANGE, values, event)
        .given([
            standing::verified(principal.user, credentials.version, Hold::Alone),
            standing::session(principal.session),
        ])
        .queue(notice);

    if sql.change(change).await?.is_empty() {
        let refused = INVALID_CREDENTIALS
            .problem()
            .detail("The current password is wrong.");
        return Err(standing::ended_or(&sql, principal, refused).await);
    }

    accounts.principals.forget_user(principal.user);

    Ok(NoContent)
}
