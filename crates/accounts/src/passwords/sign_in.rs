//! Signs in with an e-mail address and a password.

use mainstay_crypto::{Sealed, Verdict};
use mainstay_database::{Change, Sql};
use mainstay_http::{
    CreatedAt, Header, Json, Problem, Public, Shared, UserAgent, WithHeaders, input, post,
};
use mainstay_kernel::{EmailAddress, ExposeSecret as _, OrganizationId};
use mainstay_principals::events::{Action, about_user};

use super::{
    candidate::{Account, Found, find_account},
    password::Password,
    short_password::{PASSWORD_REPLACEMENT_REQUIRED, check_alone},
};
use crate::{
    accounts::Accounts,
    problems::{INVALID_CREDENTIALS, not_hashed},
    second_factors::{
        code::Code,
        sign_in::{SECOND_FACTOR_REQUIRED, show_at_sign_in},
    },
    sessions::{
        answer::{SessionView, answer},
        device::Device,
        sign_in::SignIn,
        start::SessionKind,
    },
    throttle::{TOO_MANY_ATTEMPTS, refusals::refuse},
    unlimited::SIGNED_OUT,
};

/// The credentials of a sign-in.
#[input]
pub(crate) struct CreateSession {
    /// The account's e-mail address.
    email: Sealed<EmailAddress>,
    /// The account's password.
    password: Password,
    /// A code of the account's second factor: from the authenticator app, or a recovery code.
    code: Option<Code>,
    /// The organization to work in; by default, the one that the account joined first.
    organization_id: Option<OrganizationId>,
    /// Whether to set a session cookie, for browser pages of this origin, instead of returning
    /// tokens.
    #[garde(skip)]
    #[serde(default)]
    cookie: bool,
}

/// Sign in with e-mail address and password.
///
/// The response and its timing are the same whether or not the account exists. If the account has a
/// second factor, a code is required after the correct password.
#[post(
    "/v1/sessions",
    problems(
        INVALID_CREDENTIALS,
        SECOND_FACTOR_REQUIRED,
        PASSWORD_REPLACEMENT_REQUIRED,
        TOO_MANY_ATTEMPTS
    )
)]
pub(crate) async fn create_session(
    by: Public,
    accounts: Shared<Accounts>,
    user_agent: Header<UserAgent>,
    Json(body): Json<CreateSession>,
) -> Result<WithHeaders<CreatedAt<SessionView>>, Problem> {
    let sql = by.unlimited(SIGNED_OUT);
    let device = Device::of(by.origin(), &user_agent);
    let address = by.origin().address;
    let Found {
        account,
        mut attempt,
        slowed_until,
    } = find_account(&sql, &accounts, &body.email, body.organization_id, address).await?;

    let stored = account
        .as_ref()
        .and_then(|account| account.password_hash.as_ref())
        .map(|hash| hash.expose_secret());
    let verdict = accounts
        .hasher
        .verify(body.password.secret(), stored)
        .await
        .map_err(not_hashed)?;

    let passes = |account: &Account| {
        account.active
            && verdict != Verdict::Wrong
            && (slowed_until.is_none() || account.is_known_here)
    };
    let Some(account) = account.filter(passes) else {
        if let Some(until) = slowed_until {
            return Err(refuse(&sql, until).await);
        }

        sql.record(about_user(Action::LoginFail, None, None))
            .await?;
        return Err(INVALID_CREDENTIALS.problem());
    };

    if verdict == Verdict::RightButOutdated {
        renew_hash(&sql, &accounts, &account, &body.password).await?;
    }
    if !account.password_alone {
        check_alone(&sql, &accounts, account.unproven(&body.password)).await?;
    }

    if account.second_factor {
        show_at_sign_in(
            &sql,
            &account.holder(),
            body.code.as_ref(),
            &mut attempt,
            address,
        )
        .await?;
    }

    let sign_in = SignIn {
        user: account.user,
        organization: account.organization,
        credentials: account.credentials,
        key: &account.key,
        email: &account.email,
        is_new_network: account.is_new_network,
        authenticated_at: accounts.runtime().clock.now(),
        multi_factor: account.second_factor,
        kind: SessionKind::of_person(body.cookie),
        device,
        attempt: &attempt,
    };
    let started = sign_in.start(&sql, &accounts).await?;

    answer(&accounts, started).await
}

/// Hashes the password again with the current parameters (OWASP ASVS 11.4.2), unless it was changed
/// in the meantime.
async fn renew_hash(
    sql: &Sql,
    accounts: &Accounts,
    account: &Account,
    password: &Password,
) -> Result<(), Problem> {
    const RENEW: &str = r"
        changed AS (
            UPDATE mainstay.users
            SET password_hash = $2
            WHERE id = $1 AND password_hash = $3 AND credentials_version = $4
            RETURNING id
        )
    ";

    let hash = accounts
        .hasher
        .hash(password.secret())
        .await
        .map_err(not_hashed)?;
    let verified = account
        .password_hash
        .as_ref()
        .map(|hash| hash.expose_secret().to_owned());

    let values = [
        account.user.uuid().into(),
        hash.into(),
        verified.into(),
        account.credentials.into(),
    ];
    let event = about_user(
        Action::PasswordRehash,
        Some(account.user),
        account.organization,
    );

    sql.change(Change::new("users.rehash", RENEW, values, event))
        .await?;

    Ok(())
}
