//! Finds the account that a sign-in with a password names. The same statement counts the attempt.

use std::net::IpAddr;

use mainstay_crypto::{BlindIndex, Sealed};
use mainstay_database::{FromRow, OwnKey, Row, Sql};
use mainstay_http::{INTERNAL, Problem};
use mainstay_kernel::{EmailAddress, OrganizationId, SecretString, Timestamp, UserId};

use super::{password::Password, short_password::UnprovenPassword};
use crate::{
    account::{address::email_index, key::JoinedKey},
    accounts::Accounts,
    second_factors::spend::Holder,
    throttle::{
        attempts::{Admitted, count_sign_in},
        keys::AttemptKeys,
        refusals::refuse_beside,
        wait_until,
    },
};

/// The result of [`find_account`].
pub(super) struct Found {
    pub(super) account: Option<Account>,
    pub(super) attempt: Admitted,
    /// Set after too many failed attempts on this account or from this network. Until then, only
    /// the correct password from a network that the account has used before is accepted. Refusals
    /// take the same time and get the same response, whether or not the account exists (OWASP ASVS
    /// 6.3.8).
    pub(super) slowed_until: Option<Timestamp>,
}

pub(super) struct Account {
    pub(super) user: UserId,
    pub(super) password_hash: Option<SecretString>,
    pub(super) active: bool,
    pub(super) organization: Option<OrganizationId>,
    /// The address, sealed.
    pub(super) email: Vec<u8>,
    pub(super) key: OwnKey,
    /// Whether the account has been used before, but never from this network.
    pub(super) is_new_network: bool,
    pub(super) is_known_here: bool,
    pub(super) second_factor: bool,
    /// The secret of the authenticator app, sealed.
    pub(super) totp: Option<Vec<u8>>,
    /// The version of the credentials to verify.
    pub(super) credentials: i64,
    /// Whether the password is known to be long enough without a second factor.
    pub(super) password_alone: bool,
}

/// The counters of an attempt to sign in, and the account that it names.
#[derive(FromRow)]
struct CountedAttempt {
    refused_until: Option<Timestamp>,
    /// Until when the caller's address is refused for every account.
    address_refused_until: Option<Timestamp>,
    slowed_until: Option<Timestamp>,
    is_known_here: bool,
    is_known_anywhere: bool,
    #[from_row(flatten)]
    account: JoinedAccount,
}

/// The columns of the account. All are null if there is none.
#[derive(FromRow)]
struct JoinedAccount {
    user_id: Option<UserId>,
    password_hash: Option<String>,
    active: Option<bool>,
    organization_id: Option<OrganizationId>,
    email: Option<Vec<u8>>,
    #[from_row(flatten)]
    key: JoinedKey,
    second_factor: Option<bool>,
    totp: Option<Vec<u8>>,
    credentials_version: Option<i64>,
    password_alone: Option<bool>,
}

impl Account {
    pub(super) fn unproven<'a>(&self, password: &'a Password) -> UnprovenPassword<'a> {
        UnprovenPassword {
            user: self.user,
            credentials: self.credentials,
            second_factor: self.second_factor,
            password,
        }
    }

    pub(super) fn holder(&self) -> Holder<'_> {
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

/// Finds the account with this address, in the given organization, and counts the attempt.
pub(super) async fn find_account(
    sql: &Sql,
    accounts: &Accounts,
    email: &Sealed<EmailAddress>,
    organization: Option<OrganizationId>,
    address: Option<IpAddr>,
) -> Result<Found, Problem> {
    let database = sql.database();
    let now = database.runtime().clock.now();
    if let Some(until) = accounts.flood.refusal(address, now) {
        return Err(wait_until(until, now));
    }

    let name = email.index(database.ring(), &email_index()).into_bytes();
    let indexes: Vec<Vec<u8>> = email
        .indexes(database.ring(), &email_index())
        .into_iter()
        .map(BlindIndex::into_bytes)
        .collect();
    let keys = AttemptKeys::new(database.ring(), "sign_in", &name, address);

    let mut values = keys.sign_in_values(now).to_vec();
    values.extend([
        indexes.into(),
        organization.map(OrganizationId::uuid).into(),
        keys.network.clone().into(),
    ]);

    let rows = sql.upkeep("users.sign_in", FIND, values).await?;
    let counted: CountedAttempt = Row::read_first(&rows)?.ok_or_else(|| {
        INTERNAL
            .problem()
            .caused_by("the query of a sign-in returned no row")
    })?;

    let from_memory = accounts
        .flood
        .keep(address, counted.address_refused_until, now);
    if let Some(until) = counted.refused_until {
        return Err(refuse_beside(sql, until, from_memory).await);
    }

    let slowed_until = counted.slowed_until;

    Ok(Found {
        account: counted.account(),
        attempt: keys.signing_in(slowed_until.is_some()),
        slowed_until,
    })
}

/// Selects the account together with the counters of the attempt.
const FIND: &str = concat!(
    "WITH ",
    count_sign_in!(),
    r"
        , account AS (
            SELECT
                u.id AS user_id, u.password_hash, u.active,
                m.organization_id,
                u.email,
                k.id AS key_id, k.wrapped AS wrapped_key,
                u.second_factor,
                t.secret AS totp,
                u.credentials_version, u.password_alone
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
            SELECT
                EXISTS (
                    SELECT FROM account
                    JOIN mainstay.sign_in_places p ON p.user_id = account.user_id
                ) AS anywhere,
                EXISTS (
                    SELECT FROM account
                    JOIN mainstay.sign_in_places p ON p.user_id = account.user_id
                    WHERE p.place = $10
                ) AS known
        )
        SELECT
            refused.until AS refused_until, refused.shared AS address_refused_until,
            slowed.until AS slowed_until,
            here.known AS is_known_here, here.anywhere AS is_known_anywhere,
            account.*
        FROM refused
        CROSS JOIN slowed
        CROSS JOIN here
        LEFT JOIN account ON true
    "
);

impl CountedAttempt {
    /// The account; `None` if there is none with this address.
    fn account(self) -> Option<Account> {
        let account = self.account;
        let user = account.user_id?;

        Some(Account {
            user,
            password_hash: account.password_hash.map(SecretString::from),
            active: account.active?,
            organization: account.organization_id,
            email: account.email?,
            key: account.key.of(user)?,
            is_new_network: self.is_known_anywhere && !self.is_known_here,
            is_known_here: self.is_known_here,
            second_factor: account.second_factor?,
            totp: account.totp,
            credentials: account.credentials_version?,
            password_alone: account.password_alone?,
        })
    }
}
