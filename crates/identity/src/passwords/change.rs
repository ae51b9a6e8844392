use mainstay_crypto::Verdict;
use mainstay_database::{Change, Row, Unscoped};
use mainstay_http::{Fresh, InPerson, Json, NoContent, Problem, Shared, UNAUTHENTICATED, input, put};
use mainstay_kernel::{ExposeSecret as _, SecretString, UserId};

use super::{Password, strength::check};
use crate::{
    EmailAddress, Identity,
    accounts::{email_cell, own_key},
    events::{Action, about_user},
    letters,
    sessions::{INVALID_CREDENTIALS, not_hashed},
    throttle::{self, Counted, TOO_MANY_ATTEMPTS},
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
    const CHANGE: &str = "changed AS (UPDATE users SET password_hash = $2 WHERE id = $1 RETURNING id), \
         ended AS (UPDATE sessions SET ended_at = $3 WHERE user_id = $1 AND id <> $4 AND ended_at IS NULL), \
         resets AS (DELETE FROM password_resets WHERE user_id = $1)";
    let principal = by.principal();
    let unscoped = by.unscoped("an account stands above organizations; the statements are limited to the caller's own");
    let counted =
        Counted::new(unscoped.database().ring(), "step_up", principal.user.uuid().as_bytes(), by.origin().address);
    let attempt = throttle::admit(&unscoped, counted).await?;
    let owner = find_owner(&unscoped, principal.user).await?;
    let current = body.current_password.as_ref().map_or_else(|| SecretString::from(""), |it| it.secret().clone());
    if let Some(stored) = &owner.password_hash
        && identity.hasher.verify(&current, Some(stored.expose_secret())).await.map_err(not_hashed)? == Verdict::Wrong
    {
        unscoped.record(about_user(Action::PasswordChangeFail, Some(principal.user), principal.organization)).await?;
        return Err(INVALID_CREDENTIALS.problem().detail("The current password is wrong."));
    }
    throttle::take_back(&unscoped, attempt).await?;
    let context = vec![owner.email.as_str().to_owned()];
    let second_factor = principal.assurance.second_factor_enrolled;
    check(&identity, &body.new_password, "new_password", second_factor, context).await?;
    let hash = identity.hasher.hash(body.new_password.secret()).await.map_err(not_hashed)?;
    let now = identity.runtime().clock.now();
    let values = [principal.user.uuid().into(), hash.into(), now.inner().into(), principal.session.uuid().into()];
    let event = about_user(Action::PasswordChange, Some(principal.user), principal.organization);
    let told = letters::to(&owner.email, &letters::password_changed(), &unscoped)?;
    unscoped.change(Change::new("users.change_password", CHANGE, values, event).queue(told)).await?;
    identity.forget_user(principal.user);
    Ok(NoContent)
}

/// What is needed of an account to change its credentials.
pub(crate) struct Owner {
    pub(crate) email: EmailAddress,
    pub(crate) password_hash: Option<SecretString>,
}

/// The account of a person that is signed in.
pub(crate) async fn find_owner(unscoped: &Unscoped, user: UserId) -> Result<Owner, Problem> {
    const FIND: &str = "SELECT u.password_hash, u.email, k.id, k.wrapped \
         FROM users u JOIN data_keys k ON k.id = u.data_key WHERE u.id = $1 AND u.active";
    let rows = unscoped.select("users.owner", FIND, [user.uuid().into()]).await?;
    let row: &Row = rows.first().ok_or_else(|| UNAUTHENTICATED.problem())?;
    let email = unscoped.open_own(&own_key(user, row, 2)?, &email_cell(user.uuid()), &row.get::<Vec<u8>>(1)?)?;
    Ok(Owner { email, password_hash: row.get::<Option<String>>(0)?.map(SecretString::from) })
}
