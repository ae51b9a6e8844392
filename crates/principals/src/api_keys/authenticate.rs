//! Authenticates an API key: without a round trip while the key is cached, with one otherwise.

use std::sync::Arc;

use mainstay_access::{Assurance, Credential, Principal};
use mainstay_crypto::same_bytes;
use mainstay_database::{FromRow, Origin, Sql};
use mainstay_http::Refusal;
use mainstay_kernel::{OrganizationId, SessionId, Timestamp, UserId, Uuid};

use super::{row::ApiKeyId, text};
use crate::{
    directory::{Known, Sponsor},
    principals::Principals,
    secret::hash,
    unlimited::AUTHENTICATION,
};

/// A key depends on the membership that its owner had when the key was created: a member who leaves
/// and joins again does not get the old keys back. The key keeps the permissions from its creation,
/// as far as its account and its sponsor still hold them.
const LOAD: &str = r"
    SELECT
        k.user_id, k.organization_id, k.expires_at,
        r.id AS role_id, r.name AS role,
        mainstay.usable_permissions(k.permissions, r.id, s.role_id) AS permissions,
        k.sponsor_id, s.role_id AS sponsor_role,
        k.created_at,
        u.second_factor,
        k.secret_hash
    FROM mainstay.api_keys k
    JOIN mainstay.users u ON u.id = k.user_id AND u.active
    JOIN mainstay.memberships m ON m.user_id = k.user_id
        AND m.organization_id = k.organization_id AND m.created_at = k.member_since
    JOIN mainstay.roles r ON r.id = m.role_id
    CROSS JOIN LATERAL (
        SELECT mainstay.sponsor_role(k.sponsor_id, k.sponsor_since, k.organization_id) AS role_id
    ) s
    WHERE k.id = $1 AND k.revoked_at IS NULL
";

impl Principals {
    /// Finds the principal of a key and records the key's use.
    ///
    /// # Errors
    /// [`Refusal`]. A string that is not a well-formed key is refused without a round trip.
    pub(crate) async fn by_key(&self, key: &str) -> Result<Arc<Principal>, Refusal> {
        let id = text::read(key).ok_or(Refusal::Invalid("malformed API key"))?;

        // The directory is indexed by session id; a key's own id takes its place.
        let known = match self.directory.find(SessionId::from(id.uuid())) {
            Some(known) => known,
            None => self.load_key(id).await?,
        };
        let expected = known
            .secret_hash
            .as_deref()
            .filter(|_| known.principal.credential == Credential::ApiKey);
        if !expected.is_some_and(|expected| same_bytes(expected, &hash(key))) {
            return Err(Refusal::Invalid("the API key's secret does not match"));
        }

        let now = self.runtime().clock.now();
        if known.expires_at <= now {
            return Err(Refusal::Invalid("the API key has expired"));
        }

        self.usage.note(known.principal.session, now);

        Ok(known.principal)
    }

    async fn load_key(&self, id: ApiKeyId) -> Result<Known, Refusal> {
        let generation = self.directory.generation();
        let origin = Origin {
            request: Uuid::nil(),
            operation: "authenticate",
            address: None,
        };

        let sql = Sql::unlimited(AUTHENTICATION, &self.database, origin, None);
        let keys: Vec<StoredKey> = sql
            .query("api_keys.load", LOAD, [id.uuid().into()])
            .await
            .map_err(Refusal::Database)?;
        let key = keys.into_iter().next().ok_or(Refusal::Invalid(
            "the API key is unknown or revoked, or its owner is no longer an active member",
        ))?;

        let known = key.known(id);
        self.directory.keep(generation, known.clone());

        Ok(known)
    }
}

/// A valid key, with its account's role.
#[derive(FromRow)]
struct StoredKey {
    user_id: UserId,
    organization_id: OrganizationId,
    expires_at: Timestamp,
    role_id: Option<Uuid>,
    role: String,
    permissions: Vec<String>,
    sponsor_id: Option<Uuid>,
    sponsor_role: Option<Uuid>,
    created_at: Timestamp,
    second_factor: bool,
    secret_hash: Vec<u8>,
}

impl StoredKey {
    fn known(self, id: ApiKeyId) -> Known {
        Known {
            principal: Arc::new(Principal {
                user: self.user_id,
                organization: Some(self.organization_id),
                session: SessionId::from(id.uuid()),
                credential: Credential::ApiKey,
                role: self.role,
                permissions: self.permissions.into_iter().collect(),
                // A key never counts as fresh, regardless of this time.
                assurance: Assurance {
                    authenticated_at: self.created_at,
                    multi_factor: false,
                    second_factor_enrolled: self.second_factor,
                },
            }),
            role: self.role_id,
            sponsor: self.sponsor_id.map(|user| Sponsor {
                user,
                role: self.sponsor_role,
            }),
            expires_at: self.expires_at,
            secret_hash: Some(self.secret_hash),
            idle_expires_at: None,
        }
    }
}
