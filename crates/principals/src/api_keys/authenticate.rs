//! Authenticates an API key: without a round trip while the key is cached, with one otherwise.

use std::sync::Arc;

use mainstay_access::{Assurance, Credential, Permissions, Principal};
use mainstay_crypto::same_bytes;
use mainstay_database::{Error, Origin, Row, Unscoped};
use mainstay_http::Refusal;
use mainstay_kernel::{OrganizationId, SessionId, Uuid};

use super::{row::ApiKeyId, text};
use crate::{
    directory::{Known, Sponsor},
    principals::Principals,
    secret::hash,
};

/// A key depends on the membership that its owner had when the key was created: a member who leaves
/// and joins again does not get the old keys back. The key keeps the permissions from its creation,
/// as far as its account and its sponsor still hold them.
const LOAD: &str = r"
    SELECT
        k.user_id, k.organization_id, k.expires_at,
        r.id, r.name,
        mainstay.usable_permissions(k.permissions, r.id, s.role_id),
        k.sponsor_id, s.role_id,
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

        let why = "the organization is known only after the key is read";
        let unscoped = Unscoped::because(why, &self.database, origin, None);
        let rows = unscoped
            .select("api_keys.load", LOAD, [id.uuid().into()])
            .await
            .map_err(Refusal::Database)?;
        let row = rows.first().ok_or(Refusal::Invalid(
            "the API key is unknown or revoked, or its owner is no longer an active member",
        ))?;

        let known = read(id, row).map_err(Refusal::Database)?;
        self.directory.keep(generation, known.clone());

        Ok(known)
    }
}

fn read(id: ApiKeyId, row: &Row) -> Result<Known, Error> {
    let permissions: Permissions = row.get::<Vec<String>>(5)?.into_iter().collect();
    let (sponsor, sponsor_role) = (row.get::<Option<Uuid>>(6)?, row.get(7)?);

    Ok(Known {
        principal: Arc::new(Principal {
            user: row.get(0)?,
            organization: Some(row.get::<OrganizationId>(1)?),
            session: SessionId::from(id.uuid()),
            credential: Credential::ApiKey,
            role: row.get(4)?,
            permissions,
            // A key never counts as fresh, regardless of this time.
            assurance: Assurance {
                authenticated_at: row.get(8)?,
                multi_factor: false,
                second_factor_enrolled: row.get(9)?,
            },
        }),
        role: row.get(3)?,
        sponsor: sponsor.map(|user| Sponsor {
            user,
            role: sponsor_role,
        }),
        expires_at: row.get(2)?,
        secret_hash: row.get(10)?,
        idle_expires_at: None,
    })
}
