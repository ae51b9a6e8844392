//! Authenticates a service account as an OAuth client, by its id and one of its secrets (RFC 6749
//! §2.3.1).

use mainstay_crypto::same_bytes;
use mainstay_database::{Error, FromRow, Precondition, Sql};
use mainstay_kernel::{OrganizationId, SessionId, UserId, Uuid};

use crate::{principals::Principals, scannable::is_whole, secret::hash};

/// The prefix of every client secret.
pub const PREFIX: &str = "mcs_";

/// An authenticated client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineClient {
    /// The service account.
    pub user: UserId,
    /// The organization that it works in.
    pub organization: OrganizationId,
    /// The id of the secret that it presented.
    pub secret: Uuid,
}

#[derive(FromRow)]
struct StoredSecret {
    secret: Uuid,
    organization: OrganizationId,
    secret_hash: Vec<u8>,
}

impl MachineClient {
    /// The precondition that the secret is not revoked.
    pub fn secret_stands(&self) -> Precondition {
        Precondition::new(
            "mainstay.client_secrets WHERE id = ? AND revoked_at IS NULL",
            "FOR SHARE",
            [self.secret.into()],
        )
    }
}

/// Finds the client with this `client_id`, if `secret` is one of its valid secrets, and records the
/// secret's use. Takes one round trip, or none if the secret is malformed.
///
/// # Errors
/// The error of the database.
pub async fn verify_client_secret(
    sql: &Sql,
    principals: &Principals,
    client_id: &str,
    secret: &str,
) -> Result<Option<MachineClient>, Error> {
    const FIND: &str = r"
        SELECT c.id AS secret, c.organization_id AS organization, c.secret_hash
        FROM mainstay.client_secrets c
        JOIN mainstay.users u ON u.id = c.user_id AND u.active AND u.kind = 'service'
        JOIN mainstay.memberships m ON m.user_id = c.user_id
            AND m.organization_id = c.organization_id AND m.created_at = c.member_since
        WHERE c.user_id = $1 AND c.revoked_at IS NULL AND c.expires_at > $2
    ";

    let Some(user) = client_id
        .parse::<UserId>()
        .ok()
        .filter(|_| is_whole(secret, PREFIX))
    else {
        return Ok(None);
    };

    let (now, shown) = (principals.runtime().clock.now(), hash(secret));
    let secrets: Vec<StoredSecret> = sql
        .query(
            "client_secrets.find",
            FIND,
            [user.uuid().into(), now.inner().into()],
        )
        .await?;

    let found = secrets
        .into_iter()
        .find(|row| same_bytes(&row.secret_hash, &shown));

    Ok(found.map(|row| {
        principals.usage.note(SessionId::from(row.secret), now);
        MachineClient {
            user,
            organization: row.organization,
            secret: row.secret,
        }
    }))
}
