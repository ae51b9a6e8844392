//! Signing in with e-mail address and password.

use mainstay_crypto::{BlindIndex, Sealed, Verdict};
use mainstay_database::{Change, Error, OwnKey, Row, Unscoped, Uuid};
use mainstay_http::{
    CreatedAt, Header, INTERNAL, Json, Problem, Public, Shared, UserAgent, WithHeaders, input, post,
};
use mainstay_kernel::{
    EmailAddress, ExposeSecret as _, OrganizationId, SecretString, Timestamp, UserId,
};
use mainstay_principals::events::{Action, about_user};

use super::{
    password::Password,
    short_password::{PASSWORD_REPLACEMENT_REQUIRED, UnprovenPassword, check_alone},
};
use crate::{
    account::{address::email_index, key::own_key},
    accounts::Accounts,
    problems::{INVALID_CREDENTIALS, not_hashed},
    second_factors::{
        code::Code,
        sign_in::{SECOND_FACTOR_REQUIRED, show_at_sign_in},
        spend::Holder,
    },
    sessions::{
        answer::{SessionView, answer},
        device::Device,
        sign_in::SignIn,
        start::SessionKind,
    },
    throttle::{
        TOO_MANY_ATTEMPTS,
        attempts::{Admitted, count_sign_in},
        keys::Keys,
        refusals::{refuse, refuse_beside},
        wait_until,
    },
};

/// How to sign in.
#[input]
pub(crate) struct CreateSession {
    /// The account's e-mail address.
    email: Sealed<EmailAddress>,
    /// The account's password.
    password: Password,
    /// A code of the account's second factor: what an authenticator app shows, or a recovery code.
    code: Option<Code>,
    /// Where to work, for an account of several organizations; its oldest membership when absent.
    organization_id: Option<OrganizationId>,
    /// Whether to carry the session in a cookie, for a browser's own pages, instead of giving tokens.
    #[garde(skip)]
    #[serde(default)]
    cookie: bool,
}

/// Sign in with e-mail address and password.
///
/// The answer is the same, and takes the same work, whether the account exists or not. Where the account has a second
/// factor, whoever knows the password is asked for a code.
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
    let unscoped = by.unscoped("nobody is signed in yet");
    let device = Device::of(by.origin(), &user_agent);
    let address = by.origin().address;
    let Found {
        account,
        mut attempt,
        slowed_until,
    } = find_account(&unscoped, &accounts, &body, address).await?;

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
            return Err(refuse(&unscoped, until).await);
        }
        unscoped
            .record(about_user(Action::LoginFail, None, None))
            .await?;
        return Err(INVALID_CREDENTIALS.problem());
    };

    if verdict == Verdict::RightButOutdated {
        renew_hash(&unscoped, &accounts, &account, &body.password).await?;
    }

    if !account.password_alone {
        check_alone(&unscoped, &accounts, account.shown(&body.password)).await?;
    }

    if account.second_factor {
        show_at_sign_in(
            &unscoped,
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
    let started = sign_in.start(&unscoped, &accounts).await?;

    answer(&accounts, started).await
}

struct Account {
    user: UserId,
    password_hash: Option<SecretString>,
    active: bool,
    organization: Option<OrganizationId>,
    /// Sealed.
    email: Vec<u8>,
    key: OwnKey,
    /// Whether it has signed in before, but never from this network.
    is_new_network: bool,
    is_known_here: bool,
    second_factor: bool,
    /// The secret of the authenticator app, sealed.
    totp: Option<Vec<u8>>,
    /// The version of the credentials that are verified.
    credentials: i64,
    /// Whether the password is long enough without a second factor, as far as is known.
    password_alone: bool,
}

impl Account {
    fn shown<'a>(&self, password: &'a Password) -> UnprovenPassword<'a> {
        UnprovenPassword {
            user: self.user,
            credentials: self.credentials,
            second_factor: self.second_factor,
            password,
        }
    }

    fn holder(&self) -> Holder<'_> {
        Holder {
            user: self.user,
            organization: self.organization,
            key: &self.key,
            totp: self.totp.as_deref(),
            email: &self.email,
            is_known_here: self.is_known_here,
        }
    }
}

/// What a sign-in finds.
struct Found {
    account: Option<Account>,
    attempt: Admitted,
    /// While too many attempts failed, of this account or from this network, only the right password from a network that
    /// the account knows passes. What is wrong takes the same work and gets the same answer, whether there is an account
    /// or not (OWASP ASVS 6.3.8).
    slowed_until: Option<Timestamp>,
}

/// The account with this address, in the organization that was asked for; and the attempt, which is counted in the same
/// statement.
async fn find_account(
    unscoped: &Unscoped,
    accounts: &Accounts,
    body: &CreateSession,
    address: Option<std::net::IpAddr>,
) -> Result<Found, Problem> {
    let database = unscoped.database();
    let now = database.runtime().clock.now();
    if let Some(until) = accounts.flood.refusal(address, now) {
        return Err(wait_until(until, now));
    }

    let indexes: Vec<Vec<u8>> = body
        .email
        .indexes(database.ring(), &email_index())
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect();

    let name = body
        .email
        .index(database.ring(), &email_index())
        .into_bytes();
    let keys = Keys::new(database.ring(), "sign_in", &name, address);
    let mut values = keys.sign_in_values(now).to_vec();

    values.extend([
        indexes.into(),
        body.organization_id.map(OrganizationId::uuid).into(),
        keys.network.clone().into(),
    ]);

    let rows = unscoped.upkeep("users.sign_in", FIND, values).await?;
    let row = rows.first().ok_or_else(|| {
        INTERNAL
            .problem()
            .caused_by("a query without conditions has no row")
    })?;

    let from_memory = accounts.flood.keep(address, row.get(15)?, now);
    if let Some(until) = row.get::<Option<Timestamp>>(0)? {
        return Err(refuse_beside(unscoped, until, from_memory).await);
    }

    let slowed_until: Option<Timestamp> = row.get(1)?;

    Ok(Found {
        account: read_account(row)?,
        attempt: keys.signing_in(slowed_until.is_some()),
        slowed_until,
    })
}

/// The account, beside the counts of the attempt.
const FIND: &str = concat!(
    "WITH ",
    count_sign_in!(),
    r"
        , account AS (
            SELECT u.id, u.password_hash, u.active, m.organization_id, u.email, k.id AS key,
                k.wrapped, u.second_factor, t.secret, u.credentials_version, u.password_alone
            FROM mainstay.users u
            JOIN mainstay.data_keys k ON k.id = u.data_key
            LEFT JOIN mainstay.memberships m ON m.user_id = u.id
            LEFT JOIN mainstay.totps t ON t.user_id = u.id
            WHERE u.email_index = ANY ($8)
              AND ($9::uuid IS NULL OR m.organization_id = $9)
            ORDER BY m.created_at, m.organization_id
            LIMIT 1
        ),
        here AS (
            SELECT EXISTS (
                SELECT FROM account
                JOIN mainstay.sign_in_places p ON p.user_id = account.id
            ) AS anywhere,
                EXISTS (
                    SELECT FROM account
                    JOIN mainstay.sign_in_places p ON p.user_id = account.id
                    WHERE p.place = $10
                ) AS known
        )
        SELECT refused.until, slowed.until, here.known, here.anywhere, account.*, refused.shared
        FROM refused
        CROSS JOIN slowed
        CROSS JOIN here
        LEFT JOIN account ON true
    "
);

fn read_account(row: &Row) -> Result<Option<Account>, Error> {
    let Some(user) = row.get::<Option<Uuid>>(4)?.map(UserId::from) else {
        return Ok(None);
    };

    Ok(Some(Account {
        user,
        password_hash: row.get::<Option<String>>(5)?.map(SecretString::from),
        active: row.get(6)?,
        organization: row.get::<Option<Uuid>>(7)?.map(OrganizationId::from),
        email: row.get(8)?,
        key: own_key(user, row, 9)?,
        is_new_network: row.get::<bool>(3)? && !row.get::<bool>(2)?,
        is_known_here: row.get(2)?,
        second_factor: row.get(11)?,
        totp: row.get(12)?,
        credentials: row.get(13)?,
        password_alone: row.get(14)?,
    }))
}

/// Hashes the password again under today's parameters (OWASP ASVS 11.4.2), unless it was replaced meanwhile.
async fn renew_hash(
    unscoped: &Unscoped,
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

    let renewed = about_user(
        Action::PasswordRehash,
        Some(account.user),
        account.organization,
    );

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

    unscoped
        .change(Change::new("users.rehash", RENEW, values, renewed))
        .await?;

    Ok(())
}
