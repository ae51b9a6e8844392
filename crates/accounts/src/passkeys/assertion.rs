//! Verifies the response of a passkey against its challenge, its key and its counter.

use mainstay_crypto::token_digest;
use mainstay_database::{Change, Error, FromRow, HeldKey, OwnKey, Row, Sql, Uuid};
use mainstay_http::Problem;
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::events::{Action, about, about_user};
use webauthn_rs::prelude::{
    AuthenticationResult, DiscoverableAuthentication, Passkey, WebauthnError,
};

use super::{challenge, register, wire::Assertion};
use crate::{account::key::AccountKey, accounts::Accounts, throttle::refusals::record_failure};

/// The account that was authenticated by a passkey. This counts as both factors, because the device
/// asked for a fingerprint, a face or a PIN.
pub(crate) struct PasskeyHolder {
    pub(crate) user: UserId,
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) key: OwnKey,
    /// The address, sealed.
    pub(crate) email: Vec<u8>,
    /// Whether the account has been used before, but never from this network.
    pub(crate) is_new_network: bool,
    /// The version of the credentials, which include this passkey.
    pub(crate) credentials: i64,
}

/// The organization that the person wants to work in, and the network of the request.
pub(crate) struct SignInContext {
    pub(crate) organization: Option<OrganizationId>,
    pub(crate) network: Vec<u8>,
}

#[derive(FromRow)]
struct StoredCandidate {
    user_id: UserId,
    organization_id: Option<OrganizationId>,
    email: Vec<u8>,
    is_new_network: bool,
    #[from_row(flatten)]
    key: AccountKey,
    passkey_id: Uuid,
    credential: Vec<u8>,
    state: Vec<u8>,
    credentials_version: i64,
}

struct Candidate {
    shown: PasskeyHolder,
    id: Uuid,
    passkey: Passkey,
    state: DiscoverableAuthentication,
}

/// Verifies the response of a passkey. `None` if it is not valid: its challenge is unknown, expired
/// or already used, its key is unknown, or it is for another site or without verification of the
/// person. Refusals of a known passkey are recorded.
pub(crate) async fn verify(
    sql: &Sql,
    accounts: &Accounts,
    assertion: &Assertion,
    wanted: SignInContext,
) -> Result<Option<PasskeyHolder>, Problem> {
    let webauthn = accounts.settings.relying_party.webauthn()?;
    let Some(candidate) = find(sql, assertion, wanted).await? else {
        return Ok(None);
    };

    let Candidate {
        shown,
        id,
        mut passkey,
        state,
    } = candidate;

    let claimed_user = webauthn
        .identify_discoverable_authentication(&assertion.0)
        .map(|(user, _)| user);
    let result = match claimed_user {
        Ok(user) if user == shown.user.uuid() => {
            webauthn.finish_discoverable_authentication_v2(&assertion.0, state, &passkey)
        }
        _ => Err(WebauthnError::InvalidUserUniqueId),
    };

    let counter_advanced = match result {
        Ok(result) => {
            passkey.update_credential(&result);
            record_use(sql, &shown, id, &passkey, &result).await?
        }
        Err(WebauthnError::CredentialPossibleCompromise) => false,
        Err(error) => {
            tracing::info!(%error, "passkey response refused");
            record_failure(
                sql,
                about_user(Action::LoginFail, Some(shown.user), shown.organization),
            )
            .await?;
            return Ok(None);
        }
    };

    if !counter_advanced {
        sql.record(about(
            Action::PasskeyCloned,
            "passkey",
            Some(id),
            shown.organization,
        ))
        .await?;
        return Ok(None);
    }

    Ok(Some(shown))
}

/// Deletes the challenge, so that it is used only once, and finds the passkey that the response
/// names.
async fn find(
    sql: &Sql,
    assertion: &Assertion,
    wanted: SignInContext,
) -> Result<Option<Candidate>, Problem> {
    const FIND: &str = r"
        WITH spent AS (
            DELETE FROM mainstay.webauthn_challenges
            WHERE hash = $1 AND user_id IS NULL AND expires_at > $2
            RETURNING state
        )
        SELECT
            p.user_id, m.organization_id, u.email,
            EXISTS (
                SELECT FROM mainstay.sign_in_places s
                WHERE s.user_id = u.id
            ) AND NOT EXISTS (
                SELECT FROM mainstay.sign_in_places s
                WHERE s.user_id = u.id AND s.place = $5
            ) AS is_new_network,
            k.id AS key_id, k.wrapped AS wrapped_key,
            p.id AS passkey_id, p.credential,
            spent.state,
            u.credentials_version
        FROM spent
        JOIN mainstay.passkeys p ON p.credential_hash = $3
        JOIN mainstay.users u ON u.id = p.user_id AND u.active
        JOIN mainstay.data_keys k ON k.id = u.data_key
        LEFT JOIN mainstay.memberships m ON m.user_id = u.id
        WHERE ($4::uuid IS NULL OR m.organization_id = $4)
        ORDER BY m.created_at, m.organization_id
        LIMIT 1
    ";

    let Some(hash) = challenge::answered(&assertion.0.response.client_data_json) else {
        return Ok(None);
    };

    let now = sql.database().runtime().clock.now();
    let values = [
        hash.clone().into(),
        now.inner().into(),
        token_digest(&assertion.0.raw_id).to_vec().into(),
        wanted.organization.map(OrganizationId::uuid).into(),
        wanted.network.into(),
    ];
    let rows = sql.upkeep("passkeys.find", FIND, values).await?;

    let stored: Option<StoredCandidate> = Row::read_first(&rows)?;

    Ok(stored.map(|stored| stored.open(sql, &hash)).transpose()?)
}

impl StoredCandidate {
    /// Opens the passkey, and the state of the challenge with this hash.
    fn open(self, sql: &Sql, hash: &[u8]) -> Result<Candidate, Error> {
        let key = self.key.of(self.user_id);
        let passkey = register::open(sql, &key, self.passkey_id, &self.credential)?;
        let state = challenge::open(sql, hash, &self.state)?;

        Ok(Candidate {
            shown: PasskeyHolder {
                user: self.user_id,
                organization: self.organization_id,
                key,
                email: self.email,
                is_new_network: self.is_new_network,
                credentials: self.credentials_version,
            },
            id: self.passkey_id,
            passkey,
            state,
        })
    }
}

/// Records the use and the authenticator's counter. Returns `false` if the counter did not
/// increase, also when two responses with the same counter arrive at the same moment.
/// Authenticators without a counter always send 0.
async fn record_use(
    sql: &Sql,
    shown: &PasskeyHolder,
    id: Uuid,
    passkey: &Passkey,
    result: &AuthenticationResult,
) -> Result<bool, Problem> {
    const RECORD: &str = r"
        changed AS (
            UPDATE mainstay.passkeys
            SET credential = $2, sign_count = $3, last_used_at = $4
            WHERE id = $1
              AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0))
              AND EXISTS (SELECT FROM held)
            RETURNING id
        )
    ";

    let now = sql.database().runtime().clock.now();
    let record = |key: &HeldKey<'_>| {
        let credential = register::seal(key, id, passkey)?;
        let values = [
            id.into(),
            credential.into(),
            i64::from(result.counter()).into(),
            now.inner().into(),
        ];

        let event = about(
            Action::SecondFactorSuccess,
            "passkey",
            Some(id),
            shown.organization,
        );

        Ok(Change::new("passkeys.use", RECORD, values, event))
    };

    Ok(!sql.change_sealed(&shown.key, record).await?.is_empty())
}
