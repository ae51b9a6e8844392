//! Requests a change of an account's address. Both addresses must confirm it.

use mainstay_crypto::Sealed;
use mainstay_database::{Change, HeldKey};
use mainstay_http::{
    Accepted, Fresh, InPerson, Json, Problem, Shared, UNAUTHENTICATED, input, put,
};
use mainstay_kernel::EmailAddress;
use mainstay_principals::{
    events::{Action, about_user},
    secret::FreshSecret,
    standing::{self, Hold},
};
use time::Duration;

use super::{
    address::{email_cell, email_index},
    by_address::{find_by_address, mailbox},
    owner::find_owner,
};
use crate::{
    accounts::Accounts,
    letters,
    throttle::{TOO_MANY_ATTEMPTS, requests::admit_own},
    unlimited::BY_ADDRESS,
};

/// How long the tokens in the e-mails are valid.
const LIFETIME: Duration = Duration::hours(1);

/// A new address.
#[input]
pub(super) struct ChangeEmail {
    /// The new address.
    email: EmailAddress,
}

/// Request a change of your address.
///
/// Both addresses receive an e-mail with a link. The address changes when both have confirmed. The
/// response is the same whether or not another account has the new address.
#[put("/v1/me/email", problems(TOO_MANY_ATTEMPTS))]
pub(super) async fn change_email(
    by: Fresh<InPerson>,
    accounts: Shared<Accounts>,
    Json(body): Json<ChangeEmail>,
) -> Result<Accepted, Problem> {
    const CHANGE: &str = r"
        changed AS (
            INSERT INTO mainstay.email_changes (
                user_id, email, email_index, old_hash, new_hash, created_at, expires_at
            )
            SELECT $1, $2, $3, $4, $5, $6, $7
            FROM held
            ON CONFLICT ON CONSTRAINT email_changes_pkey DO UPDATE
            SET email = excluded.email,
                email_index = excluded.email_index,
                old_hash = excluded.old_hash,
                new_hash = excluded.new_hash,
                old_confirmed_at = NULL,
                new_confirmed_at = NULL,
                applied_at = NULL,
                created_at = excluded.created_at,
                expires_at = excluded.expires_at
            RETURNING user_id
        )
    ";

    letters::can_reach(&body.email)?;

    let user = by.principal().user;
    let sql = by.sql();
    admit_own(&sql, "email_change", user.uuid()).await?;

    let ring = sql.database().ring();
    let new = Sealed::new(body.email.clone());
    let owner = find_owner(&sql, user).await?;
    // The caller may change the spelling of their own address.
    let taken = find_by_address(&by.unlimited(BY_ADDRESS), &body.email)
        .await?
        .filter(|holder| holder.user != user);

    let (runtime, now) = (accounts.runtime(), accounts.runtime().clock.now());
    let [old_token, new_token] = [(); 2].map(|()| FreshSecret::new(&runtime.random, "mec_"));
    let to_old = letters::email_change_from(&accounts, &old_token.text, &body.email);
    let to_new = match taken {
        Some(_) => letters::email_change_to_taken(),
        None => letters::email_change_to(&accounts, &new_token.text),
    };

    let insert = |key: &HeldKey<'_>| {
        let values = [
            user.uuid().into(),
            key.seal(&email_cell(user.uuid()), &new)?.into(),
            new.index(ring, &email_index()).into_bytes().into(),
            old_token.hash.clone().into(),
            new_token.hash.clone().into(),
            now.inner().into(),
            (now + LIFETIME).inner().into(),
        ];

        let event = about_user(
            Action::EmailChangeRequest,
            Some(user),
            by.principal().organization,
        );

        Ok(Change::new("email_changes.insert", CHANGE, values, event)
            .given(standing::in_person(by.principal(), Hold::Shared))
            .queue(letters::to(&owner.email, &to_old, &sql)?)
            .queue(letters::to(
                mailbox(taken.as_ref(), &body.email),
                &to_new,
                &sql,
            )?))
    };

    if sql.change_sealed(&owner.key, insert).await?.is_empty() {
        return Err(UNAUTHENTICATED.problem().caused_by("the session has ended"));
    }

    Ok(Accepted)
}
