//! Step-up: re-authentication before sensitive operations.

use std::net::IpAddr;

use mainstay_crypto::Verdict;
use mainstay_database::{Change, FromRow, OwnKey, Sql};
use mainstay_http::{
    FieldError, INVALID_INPUT, InPerson, Json, NoContent, Problem, Shared, UNAUTHENTICATED, input,
    post,
};
use mainstay_kernel::{ExposeSecret as _, SecretString, UserId};
use mainstay_principals::{
    events::{Action, about_session},
    standing::{self, Hold},
};

use crate::{
    account::key::AccountKey,
    accounts::Accounts,
    passkeys::{
        assertion::{SignInContext, verify},
        relying_party::PASSKEYS_UNAVAILABLE,
        wire::Assertion,
    },
    passwords::password::Password,
    problems::{INVALID_CREDENTIALS, not_hashed},
    second_factors::{
        code::Code,
        factors::factors_of,
        sign_in::SECOND_FACTOR_REQUIRED,
        spend::{Holder, spend},
    },
    throttle::{
        TOO_MANY_ATTEMPTS,
        attempts::{Admitted, admit_holder, take_back},
        keys::AttemptKeys,
    },
};

/// The proof of identity: a passkey, the password, or a code of the second factor. An account with
/// a second factor must use it.
#[input]
pub(super) struct StepUpSession {
    /// The account's password.
    password: Option<Password>,
    /// A code from the authenticator app, or a recovery code.
    code: Option<Code>,
    /// The response of a passkey to the options from `POST /v1/sessions/passkey/options`.
    passkey: Option<Assertion>,
}

struct Account {
    user: UserId,
    password_hash: Option<SecretString>,
    second_factor: bool,
    /// The secret of the authenticator app, sealed.
    totp: Option<Vec<u8>>,
    /// The address, sealed.
    email: Vec<u8>,
    key: OwnKey,
    /// The version of the credentials to verify.
    credentials: i64,
}

#[derive(FromRow)]
struct StoredAccount {
    password_hash: Option<String>,
    second_factor: bool,
    totp: Option<Vec<u8>>,
    email: Vec<u8>,
    #[from_row(flatten)]
    key: AccountKey,
    credentials_version: i64,
}

/// Re-authenticate for sensitive operations.
///
/// For the next ten minutes, the session can use endpoints that require a step-up. If the account
/// has a second factor, the password alone is not enough.
#[post(
    "/v1/sessions/current/step-up",
    problems(
        INVALID_CREDENTIALS,
        SECOND_FACTOR_REQUIRED,
        TOO_MANY_ATTEMPTS,
        PASSKEYS_UNAVAILABLE
    )
)]
pub(super) async fn step_up_session(
    by: InPerson,
    accounts: Shared<Accounts>,
    Json(body): Json<StepUpSession>,
) -> Result<NoContent, Problem> {
    const STEP_UP: &str = r"
        changed AS (
            UPDATE mainstay.sessions
            SET authenticated_at = $2, multi_factor = multi_factor OR $3
            WHERE id = $1
              AND ended_at IS NULL
              AND EXISTS (SELECT FROM held)
            RETURNING id
        )
    ";

    if body.password.is_none() && body.code.is_none() && body.passkey.is_none() {
        let detail = "send a password, a code or a passkey".to_owned();
        return Err(INVALID_INPUT.problem().errors([FieldError {
            location: "body".into(),
            pointer: String::new(),
            detail,
        }]));
    }

    let principal = by.principal();
    let sql = by.sql();
    let address = by.origin().address;
    let keys = AttemptKeys::new(
        sql.database().ring(),
        "step_up",
        principal.user.uuid().as_bytes(),
        address,
    );
    let network = keys.network.clone();
    let mut attempt = admit_holder(&sql, principal.user, keys).await?;

    let account = find_account(&sql, principal.user).await?;
    let mut proven = match &body.password {
        Some(password) => account.has(&accounts, password).await?,
        None => true,
    };
    let mut multi_factor = false;

    if let (true, Some(passkey)) = (proven, &body.passkey) {
        let holder = verify(
            &sql,
            &accounts,
            passkey,
            SignInContext {
                organization: None,
                network,
            },
        )
        .await?;

        multi_factor = holder.is_some_and(|holder| holder.user == account.user);
        proven = multi_factor;
    }

    if let (true, Some(code)) = (proven, &body.code) {
        multi_factor |= account.accepts(&sql, code, &mut attempt, address).await?;
        proven = multi_factor;
    }

    if !proven {
        sql.record(about_session(
            Action::StepUpFail,
            principal.session,
            principal.organization,
        ))
        .await?;
        return Err(INVALID_CREDENTIALS
            .problem()
            .detail("The password, the code or the passkey is wrong."));
    }

    if account.second_factor && !multi_factor {
        take_back(&sql, attempt).await?;
        let factors = factors_of(&sql, account.user).await?;
        return Err(SECOND_FACTOR_REQUIRED.problem().second_factors(factors));
    }

    let now = accounts.runtime().clock.now();
    let values = [
        principal.session.uuid().into(),
        now.inner().into(),
        multi_factor.into(),
    ];
    let event = about_session(
        Action::StepUpSuccess,
        principal.session,
        principal.organization,
    );
    let verified = standing::verified(account.user, account.credentials, Hold::Shared);
    let change = Change::new("sessions.step_up", STEP_UP, values, event).given([verified]);

    if sql.change(change).await?.is_empty() {
        let refused = INVALID_CREDENTIALS
            .problem()
            .caused_by("the credentials changed during the step-up");
        return Err(standing::ended_or(&sql, principal, refused).await);
    }

    take_back(&sql, attempt).await?;
    accounts.principals.forget_session(principal.session);

    Ok(NoContent)
}

async fn find_account(sql: &Sql, user: UserId) -> Result<Account, Problem> {
    const FIND: &str = r"
        SELECT
            u.password_hash, u.second_factor,
            t.secret AS totp,
            u.email,
            k.id AS key_id, k.wrapped AS wrapped_key,
            u.credentials_version
        FROM mainstay.users u
        JOIN mainstay.data_keys k ON k.id = u.data_key
        LEFT JOIN mainstay.totps t ON t.user_id = u.id
        WHERE u.id = $1 AND u.active
    ";

    let accounts: Vec<StoredAccount> = sql
        .query("users.step_up", FIND, [user.uuid().into()])
        .await?;
    let account = accounts
        .into_iter()
        .next()
        .ok_or_else(|| UNAUTHENTICATED.problem())?;

    Ok(Account {
        user,
        password_hash: account.password_hash.map(SecretString::from),
        second_factor: account.second_factor,
        totp: account.totp,
        email: account.email,
        key: account.key.of(user),
        credentials: account.credentials_version,
    })
}

impl Account {
    async fn has(&self, accounts: &Accounts, password: &Password) -> Result<bool, Problem> {
        let stored = self.password_hash.as_ref().map(|hash| hash.expose_secret());
        let verdict = accounts
            .hasher
            .verify(password.secret(), stored)
            .await
            .map_err(not_hashed)?;

        Ok(verdict != Verdict::Wrong)
    }

    async fn accepts(
        &self,
        sql: &Sql,
        code: &Code,
        attempt: &mut Admitted,
        address: Option<IpAddr>,
    ) -> Result<bool, Problem> {
        let holder = Holder {
            user: self.user,
            organization: None,
            key: &self.key,
            totp: self.totp.as_deref(),
            email: &self.email,
            is_known_here: attempt.is_known_here,
        };

        let spent = spend(sql, &holder, code, address).await?;
        let accepted = spent.is_some();
        attempt.extend(spent.unwrap_or_default());

        Ok(accepted)
    }
}
