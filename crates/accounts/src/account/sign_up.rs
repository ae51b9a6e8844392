//! Sign-up: a person requests an account, and confirming the address creates it.

use mainstay_crypto::{Sealed, Verdict};
use mainstay_database::{Change, PrivateColumn, Sql};
use mainstay_http::{Accepted, INTERNAL, Json, NoContent, Problem, Public, Shared, input, post};
use mainstay_kernel::{EmailAddress, ExposeSecret as _, SecretString};
use mainstay_principals::{
    events::{Action, about_user},
    names::OrganizationName,
    secret::{FreshSecret, hash},
};
use serde::{Deserialize, Serialize};
use time::Duration;

use super::{
    address::email_index,
    by_address::{find_by_address, mailbox},
    create::{AccountError, Membership, NewPassword, NewUser, create_confirmed_user},
};
use crate::{
    accounts::Accounts,
    letters,
    passwords::{password::Password, rules::check},
    problems::{INVALID_TOKEN, not_hashed},
    throttle::{
        TOO_MANY_ATTEMPTS,
        requests::{RequestedLetter, SIGN_UPS, admit_request},
    },
    unlimited::SIGNED_OUT,
};

/// How long the token in the e-mail is valid.
const LIFETIME: Duration = Duration::hours(1);

/// The purpose that sign-ups are sealed for.
const PURPOSE: &str = "sign-up";

/// The sealed column of pending sign-ups.
pub(super) const PAYLOAD: PrivateColumn = PrivateColumn {
    table: "mainstay.sign_ups",
    id: "hash",
    id_type: "bytea",
    column: "payload",
    purpose: PURPOSE,
    context: "hash",
};

/// A request for an account.
#[input]
pub(super) struct RequestSignUp {
    /// The e-mail address.
    email: EmailAddress,
    /// The password. It is required again to confirm the address.
    password: Password,
    /// The name of an organization to create with the account. Without one, the account starts
    /// without an organization.
    organization_name: Option<OrganizationName>,
}

/// A request for an account of the one organization.
#[input]
pub(super) struct RequestAccount {
    /// The e-mail address.
    email: EmailAddress,
    /// The password. It is required again to confirm the address.
    password: Password,
}

/// The data of a sign-up that is stored until the address is confirmed.
#[derive(Serialize, Deserialize)]
struct PendingSignUp {
    email: String,
    password_hash: String,
    organization_name: Option<String>,
}

/// Sign up: request an account.
///
/// Sends an e-mail to the address: a link that confirms it, or a notice that it already has an
/// account. The response and its timing are the same in both cases. After many requests for the
/// same address, no more e-mails are sent to it for some minutes.
#[post("/v1/sign-ups", problems(TOO_MANY_ATTEMPTS))]
pub(super) async fn request_sign_up(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<RequestSignUp>,
) -> Result<Accepted, Problem> {
    request(&by, &accounts, body).await
}

/// Sign up: request an account.
///
/// Sends an e-mail to the address: a link that confirms it, or a notice that it already has an
/// account. The response and its timing are the same in both cases. After many requests for the
/// same address, no more e-mails are sent to it for some minutes.
#[post("/v1/sign-ups", problems(TOO_MANY_ATTEMPTS))]
pub(super) async fn request_account(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<RequestAccount>,
) -> Result<Accepted, Problem> {
    let RequestAccount { email, password } = body;
    let body = RequestSignUp {
        email,
        password,
        organization_name: None,
    };

    request(&by, &accounts, body).await
}

async fn request(
    by: &Public,
    accounts: &Accounts,
    body: RequestSignUp,
) -> Result<Accepted, Problem> {
    const REQUEST: &str = r"
        changed AS (
            INSERT INTO mainstay.sign_ups (hash, payload, created_at, expires_at)
            VALUES ($1, $2, $3, $4)
            RETURNING hash
        )
    ";

    letters::can_reach(&body.email)?;

    let sql = by.unlimited(SIGNED_OUT);
    let address = by.origin().address;
    admit_request(&sql, SIGN_UPS, address).await?;

    let organization_name = body.organization_name.map(OrganizationName::into_string);
    let mut context = vec![body.email.as_str().to_owned()];
    context.extend(organization_name.clone());
    check(accounts, &body.password, "password", false, context).await?;

    let (database, email) = (sql.database(), Sealed::new(body.email.clone()));
    let letter = RequestedLetter {
        scope: "sign_up",
        index: email.index(database.ring(), &email_index()).into_bytes(),
        indexes: email.indexes(database.ring(), &email_index()),
    };
    if !letter.admit(&sql, address).await? {
        return Ok(Accepted);
    }

    let holder = find_by_address(&sql, &body.email).await?;
    let password_hash = accounts
        .hasher
        .hash(body.password.secret())
        .await
        .map_err(not_hashed)?;

    let (runtime, now) = (accounts.runtime(), accounts.runtime().clock.now());
    let token = FreshSecret::new(&runtime.random, "msu_");

    // The same row is written for an address that has an account, but no one receives its token.
    let letter = match holder {
        Some(_) => letters::sign_up_again(accounts),
        None => letters::sign_up(accounts, &token.text),
    };
    let mail = letters::to(mailbox(holder.as_ref(), &body.email), &letter, &sql)?;

    let pending = PendingSignUp {
        email: body.email.as_str().to_owned(),
        password_hash,
        organization_name,
    };
    let pending =
        serde_json::to_vec(&pending).map_err(|error| INTERNAL.problem().caused_by(error))?;
    let sealed = database
        .ring()
        .seal_private(&runtime.random, PURPOSE, &token.hash, &pending);

    let values = [
        token.hash.into(),
        sealed.into(),
        now.inner().into(),
        (now + LIFETIME).inner().into(),
    ];

    let event = about_user(Action::SignUpRequest, None, None);
    sql.change(Change::new("sign_ups.insert", REQUEST, values, event).queue(mail))
        .await?;

    Ok(Accepted)
}

/// The confirmation of a sign-up.
#[input]
pub(super) struct ConfirmSignUp {
    /// The token from the link in the e-mail.
    #[garde(length(chars, min = 1, max = 200))]
    token: String,
    /// The password of the sign-up. It is required so that the owner of a mailbox does not complete
    /// a stranger's sign-up.
    password: Password,
}

/// Confirm a sign-up, which creates the account.
#[post("/v1/sign-ups/confirmation", problems(INVALID_TOKEN))]
pub(super) async fn confirm_sign_up(
    by: Public,
    accounts: Shared<Accounts>,
    Json(body): Json<ConfirmSignUp>,
) -> Result<NoContent, Problem> {
    let sql = by.unlimited(SIGNED_OUT);
    let token = hash(&body.token);
    let pending = find(&sql, &accounts, &token)
        .await?
        .ok_or_else(|| INVALID_TOKEN.problem())?;

    let password_hash = SecretString::from(pending.password_hash);
    let verdict = accounts
        .hasher
        .verify(body.password.secret(), Some(password_hash.expose_secret()))
        .await;
    if verdict.map_err(not_hashed)? == Verdict::Wrong {
        return Err(INVALID_TOKEN.problem().detail(
            "This link has expired, or the password is not the one that you signed up with.",
        ));
    }

    let email = EmailAddress::parse(&pending.email)
        .ok_or_else(|| INTERNAL.problem().caused_by("no address"))?;
    let organization = pending
        .organization_name
        .as_deref()
        .map(OrganizationName::parse)
        .transpose()
        .map_err(|_| INVALID_TOKEN.problem())?;

    let new = NewUser {
        email: Sealed::new(email),
        password: NewPassword::Hashed(password_hash),
        membership: organization.map_or(Membership::None, Membership::New),
        role: "owner".to_owned(),
    };

    match create_confirmed_user(&sql, &accounts.hasher, new, Some(token)).await {
        Ok(_) => Ok(NoContent),
        Err(AccountError::EmailTaken) => Err(INVALID_TOKEN.problem()),
        Err(AccountError::Database(error)) => Err(error.into()),
        Err(error) => Err(INTERNAL.problem().caused_by(error)),
    }
}

/// Finds the address of the sign-up with this token.
///
/// # Errors
/// The error of the database.
pub async fn sign_up_address(
    sql: &Sql,
    accounts: &Accounts,
    token: &str,
) -> Result<Option<EmailAddress>, Problem> {
    let pending = find(sql, accounts, &hash(token)).await?;
    Ok(pending.and_then(|pending| EmailAddress::parse(&pending.email)))
}

/// Finds the pending sign-up with this hash of a token.
async fn find(
    sql: &Sql,
    accounts: &Accounts,
    token: &[u8],
) -> Result<Option<PendingSignUp>, Problem> {
    const FIND: &str = r"
        SELECT payload
        FROM mainstay.sign_ups
        WHERE hash = $1 AND expires_at > $2
    ";

    let values = [
        token.to_vec().into(),
        accounts.runtime().clock.now().inner().into(),
    ];
    let payloads: Vec<Vec<u8>> = sql.query("sign_ups.find", FIND, values).await?;
    let Some(payload) = payloads.first() else {
        return Ok(None);
    };

    let opened = sql
        .database()
        .ring()
        .open_private(PURPOSE, token, payload)
        .map_err(|error| INTERNAL.problem().caused_by(error))?;

    serde_json::from_slice(&opened)
        .map(Some)
        .map_err(|error| INTERNAL.problem().caused_by(error))
}
