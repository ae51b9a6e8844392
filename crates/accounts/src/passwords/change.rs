use mainstay_crypto::Verdict;
use mainstay_database::{Change, Row, Unscoped};
use mainstay_http::{
    Fresh, InPerson, Json, NoContent, Problem, Shared, UNAUTHENTICATED, input, put,
};
use mainstay_kernel::{ExposeSecret as _, SecretString, UserId};

use super::{
    Password,
    strength::{check, is_long_enough_alone},
};
use crate::{
    EmailAddress, Identity,
    accounts::{email_cell, own_key},
    events::{Action, about_user},
    letters,
    sessions::{INVALID_CREDENTIALS, not_hashed},
    standing::{self, Hold},
    throttle::{self, Keys, TOO_MANY_ATTEMPTS},
};

/// A password for another.
#[input]
pub(super) struct ChangePassword {
    /// The password that the account has now; not for an account that has none.
    current_password: Option<Password>,
    /// The one that it gets.
    new_password: Password,
}

/// Change one's password.
///
/// All other sessions are ended, and the owner is told by mail.
#[put("/v1/me/password", problems(INVALID_CREDENTIALS, TOO_MANY_ATTEMPTS))]
pub(super) async fn change_password(
    by: Fresh<InPerson>,
    identity: Shared<Identity>,
    Json(body): Json<ChangePassword>,
) -> Result<NoContent, Problem> {
    const CHANGE: &str = r"
        changed AS (
            UPDATE users
            SET password_hash = $2, password_alone = $5,
                credentials_version = credentials_version + 1
            WHERE id = $1
              AND EXISTS (SELECT FROM held)
            RETURNING end_sessions(id, NULL, $4, $3)
        ),
        resets AS (
            DELETE FROM password_resets
            WHERE user_id = $1
              AND EXISTS (SELECT FROM changed)
        )
    ";

    let principal = by.principal();
    let unscoped = by.unscoped(
        "an account stands above organizations; the statements are limited to the caller's own",
    );

    let keys = Keys::new(
        unscoped.database().ring(),
        "step_up",
        principal.user.uuid().as_bytes(),
        by.origin().address,
    );

    let attempt = throttle::admit_holder(&unscoped, principal.user, keys).await?;
    let owner = find_owner(&unscoped, principal.user).await?;
    let current = body
        .current_password
        .as_ref()
        .map_or_else(|| SecretString::from(""), |it| it.secret().clone());

    if let Some(stored) = &owner.password_hash
        && identity
            .hasher
            .verify(&current, Some(stored.expose_secret()))
            .await
            .map_err(not_hashed)?
            == Verdict::Wrong
    {
        unscoped
            .record(about_user(
                Action::PasswordChangeFail,
                Some(principal.user),
                principal.organization,
            ))
            .await?;
        return Err(INVALID_CREDENTIALS
            .problem()
            .detail("The current password is wrong."));
    }

    throttle::take_back(&unscoped, attempt).await?;
    let context = vec![owner.email.as_str().to_owned()];
    check(
        &identity,
        &body.new_password,
        "new_password",
        owner.second_factor,
        context,
    )
    .await?;

    let hash = identity
        .hasher
        .hash(body.new_password.secret())
        .await
        .map_err(not_hashed)?;

    let now = identity.runtime().clock.now();
    let values = [
        principal.user.uuid().into(),
        hash.into(),
        now.inner().into(),
        principal.session.uuid().into(),
        is_long_enough_alone(&identity.settings, &body.new_password).into(),
    ];

    let event = about_user(
        Action::PasswordChange,
        Some(principal.user),
        principal.organization,
    );

    let told = letters::to(
        &owner.email,
        &letters::password_changed(&owner.keys),
        &unscoped,
    )?;

    let given = [
        standing::verified(principal.user, owner.credentials, Hold::Alone),
        standing::session(principal.session),
    ];
    let change = Change::new("users.change_password", CHANGE, values, event)
        .given(given)
        .queue(told);
    if unscoped.change(change).await?.is_empty() {
        let refused = INVALID_CREDENTIALS
            .problem()
            .detail("The current password is wrong.");
        return Err(standing::ended_or(&unscoped, principal, refused).await);
    }

    identity.forget_user(principal.user);

    Ok(NoContent)
}

/// What is needed of an account to change its credentials.
pub(crate) struct Owner {
    pub(crate) email: EmailAddress,
    pub(crate) password_hash: Option<SecretString>,
    pub(crate) second_factor: bool,
    /// The version of the credentials.
    pub(crate) credentials: i64,
    /// The names of the API keys that work.
    pub(crate) keys: Vec<String>,
}

/// The account of a person that is signed in.
pub(crate) async fn find_owner(unscoped: &Unscoped, user: UserId) -> Result<Owner, Problem> {
    const FIND: &str = r"
        SELECT u.password_hash, u.email, k.id, k.wrapped, u.second_factor, u.credentials_version,
            live_keys(u.id, $2)
        FROM users u
        JOIN data_keys k ON k.id = u.data_key
        WHERE u.id = $1 AND u.active
    ";

    let now = unscoped.database().runtime().clock.now();
    let rows = unscoped
        .select(
            "users.owner",
            FIND,
            [user.uuid().into(), now.inner().into()],
        )
        .await?;

    let row: &Row = rows.first().ok_or_else(|| UNAUTHENTICATED.problem())?;
    let email = unscoped.open_own(
        &own_key(user, row, 2)?,
        &email_cell(user.uuid()),
        &row.get::<Vec<u8>>(1)?,
    )?;

    let password_hash = row.get::<Option<String>>(0)?.map(SecretString::from);

    Ok(Owner {
        email,
        password_hash,
        second_factor: row.get(4)?,
        credentials: row.get(5)?,
        keys: row.get(6)?,
    })
}
