//! Authorization codes: creates and finds them, and checks what they depend on.

use mainstay_access::Principal;
use mainstay_accounts::account::key::AccountKey;
use mainstay_crypto::{same_bytes, token_digest};
use mainstay_database::{Change, Error, FromRow, OwnKey, Precondition, Sql, Uuid};
use mainstay_http::{Problem, UNAUTHENTICATED};
use mainstay_kernel::{OrganizationId, SecretString, SessionId, Timestamp, UserId};
use mainstay_principals::{
    Principals,
    events::{Action, about},
    secret::{FreshSecret, hash},
    standing::{self, Hold},
};
use time::Duration;

use super::{consent::Consent, request::Checked};

/// How long a code is valid: enough for the redirect and the exchange (RFC 9700 §2.1.1; OWASP ASVS
/// 10.4.3).
const LIFETIME: Duration = Duration::seconds(60);

/// A code as it is stored in the database.
#[derive(FromRow)]
pub(crate) struct StoredCode {
    pub(super) hash: Vec<u8>,
    client_id: String,
    redirect_uri: String,
    challenge: Vec<u8>,
    expires_at: Timestamp,
    pub(super) scopes: Vec<String>,
    #[from_row(column = "organization_id")]
    pub(super) organization: Option<OrganizationId>,
    /// The session that the code was exchanged for.
    #[from_row(column = "session_id")]
    pub(super) given: Option<SessionId>,
    #[from_row(column = "user_id")]
    pub(super) user: UserId,
    /// The session in which it was granted.
    pub(super) granted_by: SessionId,
    /// The person's grant, which the code depends on.
    #[from_row(column = "grant_id")]
    grant: Uuid,
    pub(super) authenticated_at: Timestamp,
    pub(super) multi_factor: bool,
    /// Whether the session that granted the code, its account and its membership are still active.
    granted: bool,
    #[from_row(flatten)]
    key: AccountKey,
}

/// A code to create.
pub(crate) struct NewCode<'r> {
    pub(super) checked: &'r Checked,
    pub(super) challenge: &'r [u8],
    /// The granted scopes, resolved to names of permissions.
    pub(super) scopes: &'r [String],
    pub(super) consent: Consent,
}

/// Creates a code and stores the grant. Also deletes the expired codes of the session. Returns
/// `None` if the person has not consented to these scopes and must be asked.
pub(crate) async fn insert(
    sql: &Sql,
    principals: &Principals,
    principal: &Principal,
    new: NewCode<'_>,
) -> Result<Option<SecretString>, Problem> {
    // `agreed` stores the consent that is given now. `remembered` finds an earlier consent that is
    // not withdrawn.
    const INSERT: &str = r"
        cleared AS (
            DELETE FROM mainstay.authorization_codes
            WHERE granted_by = $5 AND used_at IS NULL AND expires_at < $8
        ),
        remembered AS (
            SELECT id
            FROM mainstay.oauth_grants
            WHERE user_id = $10
              AND client_id = $2
              AND organization_id IS NOT DISTINCT FROM $6
              AND consented_at IS NOT NULL
              AND scopes @> $7
              AND $13
              AND EXISTS (SELECT FROM held)
            FOR SHARE
        ),
        agreed AS (
            INSERT INTO mainstay.oauth_grants AS g (
                id, user_id, client_id, organization_id, scopes, created_at, consented_at
            )
            SELECT $11, $10, $2, $6, $7, $8, CASE WHEN $12 THEN $8 END
            WHERE ($12 OR $14)
              AND EXISTS (SELECT FROM held)
              AND NOT EXISTS (SELECT FROM remembered)
            ON CONFLICT ON CONSTRAINT oauth_grants_key DO UPDATE
            SET scopes = CASE
                    WHEN g.consented_at IS NULL AND $12 THEN excluded.scopes
                    ELSE ARRAY(SELECT DISTINCT unnest(g.scopes || excluded.scopes) ORDER BY 1)
                END,
                consented_at = excluded.consented_at
            RETURNING id
        ),
        changed AS (
            INSERT INTO mainstay.authorization_codes (
                hash, client_id, redirect_uri, challenge, granted_by, organization_id, scopes,
                created_at, expires_at, grant_id
            )
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, id
            FROM (SELECT id FROM remembered UNION ALL SELECT id FROM agreed) AS granted
            RETURNING hash
        )
    ";

    let runtime = principals.runtime();
    let now = runtime.clock.now();
    let FreshSecret { text, hash } = FreshSecret::new(&runtime.random, "mac_");
    let application = &new.checked.application;
    let values = [
        hash.into(),
        application.client_id.as_str().into(),
        new.checked.redirect_uri.as_str().into(),
        new.challenge.to_vec().into(),
        principal.session.uuid().into(),
        principal.organization.map(OrganizationId::uuid).into(),
        new.scopes.to_vec().into(),
        now.inner().into(),
        (now + LIFETIME).inner().into(),
        principal.user.uuid().into(),
        runtime.new_id::<StoredCode>().uuid().into(),
        new.consent.is_given.into(),
        new.consent.may_be_remembered.into(),
        new.consent.is_not_needed.into(),
    ];

    let event = about(
        Action::ClientAuthorized,
        "oauth_client",
        Some(application.id),
        principal.organization,
    );

    let given = standing::in_person(principal, Hold::Shared)
        .into_iter()
        .chain([application.active()]);
    let change = Change::new("authorization_codes.insert", INSERT, values, event).given(given);
    if !sql.change(change).await?.is_empty() {
        return Ok(Some(text));
    }
    if new.consent.is_given || new.consent.is_not_needed {
        return Err(UNAUTHENTICATED
            .problem()
            .caused_by("the session ended or the application was deactivated in the meantime"));
    }

    Ok(None)
}

impl StoredCode {
    /// Finds a code, valid or not.
    pub(super) async fn find(sql: &Sql, code: &str) -> Result<Option<Self>, Error> {
        const FIND: &str = r"
            SELECT
                c.hash,
                c.client_id,
                c.redirect_uri,
                c.challenge,
                c.expires_at,
                c.scopes,
                c.organization_id,
                c.session_id,
                s.user_id,
                s.authenticated_at,
                s.multi_factor,
                s.ended_at IS NULL
                    AND u.active
                    AND (c.organization_id IS NULL OR m.user_id IS NOT NULL) AS granted,
                k.id AS key_id,
                k.wrapped AS wrapped_key,
                c.granted_by,
                c.grant_id
            FROM mainstay.authorization_codes c
            JOIN mainstay.sessions s ON s.id = c.granted_by
            JOIN mainstay.users u ON u.id = s.user_id
            JOIN mainstay.data_keys k ON k.id = u.data_key
            LEFT JOIN mainstay.memberships m
                ON m.user_id = s.user_id AND m.organization_id = c.organization_id
            WHERE c.hash = $1
        ";

        let codes: Vec<Self> = sql
            .query("authorization_codes.find", FIND, [hash(code).into()])
            .await?;

        Ok(codes.into_iter().next())
    }

    /// The key of the account's personal data.
    pub(super) fn key(&self) -> OwnKey {
        self.key.clone().of(self.user)
    }

    /// The precondition that the grant is not withdrawn. Locks the grant before the code, in the
    /// same order as a withdrawal.
    pub(super) fn is_not_withdrawn(&self) -> Precondition {
        Precondition::new(
            "mainstay.oauth_grants WHERE id = ?",
            "FOR KEY SHARE",
            [self.grant.into()],
        )
    }

    /// Whether the code may be exchanged: by the client that it was issued to, with the same
    /// redirect address and the verifier of its challenge.
    pub(super) fn is_valid_for(
        &self,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
        now: Timestamp,
    ) -> bool {
        self.granted
            && now < self.expires_at
            && self.client_id == client_id
            && self.redirect_uri == redirect_uri
            && is_verifier(verifier)
            && same_bytes(&self.challenge, &token_digest(verifier.as_bytes()))
    }
}

/// RFC 7636 §4.1.
fn is_verifier(text: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (43..=128).contains(&text.len()) && text.bytes().all(unreserved)
}
