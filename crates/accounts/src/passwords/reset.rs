//! Resets a password with a link in an e-mail.

use mainstay_crypto::Sealed;
use mainstay_database::{Change, Error, FromRow, Sql};
use mainstay_http::{Accepted, Json, NoContent, Problem, Public, Shared, input, post};
use mainstay_kernel::{EmailAddress, OrganizationId, UserId};
use mainstay_principals::{
    events::{Action, about_user},
    secret::{FreshSecret, hash},
    standing::{self, Hold},
};
use time::Duration;

use super::{
    password::Password,
    rules::{check, is_long_enough_alone},
};
use crate::{
    account::{
        address::{email_cell, email_index},
        by_address::{find_by_address, mailbox},
        key::AccountKey,
    },
    accounts::Accounts,
    letters,
    problems::{INVALID_TOKEN, not_hashed},
    throttle::{
        TOO_MANY_ATTEMPTS,
        keys::AttemptKeys,
        requests::{PASSWORD_RESETS, RequestedLetter, admit_request},
    },
    unlimited::SIGNED_OUT,
};

/// How long the token in the e-mail is valid (OWASP ASVS 6.5.5).
const LIFETIME: Duration = Duration::minutes(10);

/// A request for a password reset.
#[input]
pub(super) struct RequestPasswordReset {
    /// The account's address.
    email: EmailAddress,
}

/// Request a new password.
///
/// Sends an e-mail to the address, with a link if there is an account. The response and its timing
/// are the same in both cases. After many requests for the same address, no more e-mails are sent
/// to it for some minutes; the link in the last one remains valid.
#[post("/v1/password-resets", problems(TOO_MANY_ATTEMPTS))]
pub(super) async fn request_password_reset(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<RequestPasswordReset>,
) -> Result<Accepted, Problem> {
    const REQUEST: &str = r"
        changed AS (
            INSERT INTO mainstay.password_resets (
                hash, user_id, created_at, expires_at, credentials_version
            )
            VALUES ($1, $2, $3, $4, $5)
            RETURNING hash
        )
    ";

    let sql = by.unlimited(SIGNED_OUT);
    let address = by.origin().address;
    admit_request(&sql, PASSWORD_RESETS, address).await?;

    let ring = sql.database().ring();
    let email = Sealed::new(body.email.clone());
    let letter = RequestedLetter {
        scope: "password_reset",
        index: email.index(ring, &email_index()).into_bytes(),
        indexes: email.indexes(ring, &email_index()),
    };
    if !letter.admit(&sql, address).await? {
        // The link in the last e-mail is still valid.
        return Ok(Accepted);
    }

    let holder = find_by_address(&sql, &body.email).await?;
    let runtime = accounts.runtime();
    let token = FreshSecret::new(&runtime.random, "mpr_");
    let now = runtime.clock.now();

    // The same row is written for an address without an account, with a random id. No one receives
    // its token.
    let user = holder.as_ref().map(|holder| holder.user);
    let owner = user.unwrap_or_else(|| runtime.new_id());
    let credentials = holder.as_ref().map_or(0, |holder| holder.credentials);
    let values = [
        token.hash.into(),
        owner.uuid().into(),
        now.inner().into(),
        (now + LIFETIME).inner().into(),
        credentials.into(),
    ];

    let letter = match user {
        Some(_) => letters::password_reset(&accounts, &token.text),
        None => letters::password_reset_without_account(),
    };
    let mail = letters::to(mailbox(holder.as_ref(), &body.email), &letter, &sql)?;
    let event = about_user(Action::PasswordResetRequest, user, None);

    sql.change(Change::new("password_resets.insert", REQUEST, values, event).queue(mail))
        .await?;

    Ok(Accepted)
}

/// A new password, with the token that allows setting it.
#[input]
pub(super) struct CompletePasswordReset {
    /// The token from the link in the e-mail.
    #[garde(length(chars, min = 1, max = 200))]
    token: String,
    /// The new password.
    password: Password,
}

/// Set a new password with the token from the e-mail.
///
/// All sessions of the account end. Second factors do not change.
#[post("/v1/password-resets/completion", problems(INVALID_TOKEN))]
pub(super) async fn complete_password_reset(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<CompletePasswordReset>,
) -> Result<NoContent, Problem> {
    const COMPLETE: &str = r"
        asked AS (
            SELECT user_id
            FROM mainstay.password_resets
            WHERE hash = $1 AND expires_at > $2
        ),
        consumed AS (
            DELETE FROM mainstay.password_resets p
            USING asked
            WHERE p.user_id = asked.user_id
              AND EXISTS (SELECT FROM held)
            RETURNING p.user_id, p.hash
        ),
        changed AS (
            UPDATE mainstay.users u
            SET password_hash = $3,
                password_alone = $5,
                credentials_version = u.credentials_version + 1
            FROM consumed
            WHERE u.id = consumed.user_id AND consumed.hash = $1
            RETURNING
                u.id,
                mainstay.end_sessions(u.id, NULL, NULL, $2),
                mainstay.settle_attempt($4, ARRAY[]::bytea[])
        ),
        place AS (
            INSERT INTO mainstay.sign_in_places (user_id, place, seen_at)
            SELECT id, $6, $2
            FROM changed
            ON CONFLICT ON CONSTRAINT sign_in_places_pkey DO UPDATE
            SET seen_at = excluded.seen_at
        )
    ";

    let sql = by.unlimited(SIGNED_OUT);
    let (now, token) = (accounts.runtime().clock.now(), hash(&body.token));
    let account = find_by_token(&sql, &token, now)
        .await?
        .ok_or_else(|| INVALID_TOKEN.problem())?;

    let context = vec![account.email.as_str().to_owned()];
    check(
        &accounts,
        &body.password,
        "password",
        account.second_factor,
        context,
    )
    .await?;

    let new_hash = accounts
        .hasher
        .hash(body.password.secret())
        .await
        .map_err(not_hashed)?;

    // The person owns the mailbox, so failed attempts of others must not prevent a sign-in from
    // here.
    let ring = sql.database().ring();
    let name = Sealed::new(account.email.clone())
        .index(ring, &email_index())
        .into_bytes();
    let keys = AttemptKeys::new(ring, "sign_in", &name, by.origin().address);

    let values = [
        token.into(),
        now.inner().into(),
        new_hash.into(),
        vec![keys.here].into(),
        is_long_enough_alone(&accounts.settings, &body.password).into(),
        keys.network.into(),
    ];
    let event = about_user(
        Action::PasswordReset,
        Some(account.user),
        account.organization,
    );
    let notice = letters::to(
        &account.email,
        &letters::password_changed(&account.keys),
        &sql,
    )?;
    let verified = standing::verified(account.user, account.credentials, Hold::Alone);
    let change = Change::new("password_resets.complete", COMPLETE, values, event)
        .given([verified])
        .queue(notice);

    if sql.change(change).await?.is_empty() {
        // The token was used at the same moment, or the credentials have changed.
        return Err(INVALID_TOKEN.problem());
    }

    accounts.principals.forget_user(account.user);

    Ok(NoContent)
}

/// Finds the address of the account whose password a token resets, and whether it has a second
/// factor.
///
/// # Errors
/// The error of the database.
pub async fn reset_of(
    sql: &Sql,
    accounts: &Accounts,
    token: &str,
) -> Result<Option<(EmailAddress, bool)>, Error> {
    let account = find_by_token(sql, &hash(token), accounts.runtime().clock.now()).await?;
    Ok(account.map(|account| (account.email, account.second_factor)))
}

struct Account {
    user: UserId,
    email: EmailAddress,
    second_factor: bool,
    organization: Option<OrganizationId>,
    /// The version of its credentials, unchanged since the request.
    credentials: i64,
    /// The names of the valid API keys.
    keys: Vec<String>,
}

#[derive(FromRow)]
struct StoredAccount {
    user_id: UserId,
    email: Vec<u8>,
    second_factor: bool,
    #[from_row(flatten)]
    key: AccountKey,
    credentials_version: i64,
    keys: Vec<String>,
}

async fn find_by_token(
    sql: &Sql,
    token: &[u8],
    now: mainstay_kernel::Timestamp,
) -> Result<Option<Account>, Error> {
    const FIND: &str = r"
        SELECT
            u.id AS user_id, u.email, u.second_factor,
            k.id AS key_id, k.wrapped AS wrapped_key,
            u.credentials_version,
            mainstay.live_keys(u.id, $2) AS keys
        FROM mainstay.password_resets p
        JOIN mainstay.users u ON u.id = p.user_id
            AND u.active
            AND u.credentials_version = p.credentials_version
        JOIN mainstay.data_keys k ON k.id = u.data_key
        WHERE p.hash = $1 AND p.expires_at > $2
    ";

    let accounts: Vec<StoredAccount> = sql
        .query(
            "password_resets.find",
            FIND,
            [token.to_vec().into(), now.inner().into()],
        )
        .await?;
    let account = accounts.into_iter().next();

    account.map(|account| account.open(sql)).transpose()
}

impl StoredAccount {
    fn open(self, sql: &Sql) -> Result<Account, Error> {
        let user = self.user_id;
        let key = self.key.of(user);

        Ok(Account {
            user,
            email: sql.open_own(&key, &email_cell(user.uuid()), &self.email)?,
            second_factor: self.second_factor,
            organization: None,
            credentials: self.credentials_version,
            keys: self.keys,
        })
    }
}
