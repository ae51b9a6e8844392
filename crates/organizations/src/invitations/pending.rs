//! Finds the invitation of a token.

use mainstay_database::{Error, FromRow, OwnKey, Sql, Uuid};
use mainstay_kernel::{EmailAddress, OrganizationId};
use mainstay_principals::secret::hash;

use super::row::{InvitationId, email_cell};

/// An invitation that may be accepted.
pub(crate) struct PendingInvitation {
    pub(super) id: InvitationId,
    pub(super) hash: Vec<u8>,
    pub(super) organization: OrganizationId,
    pub(super) organization_name: String,
    pub(super) role: String,
    /// The invited address. The holder of the token knows it, because the token was sent there.
    pub(super) email: EmailAddress,
}

#[derive(FromRow)]
struct StoredInvitation {
    id: InvitationId,
    organization_id: Uuid,
    organization_name: String,
    role: String,
    email: Vec<u8>,
    key_id: i64,
    wrapped_key: Vec<u8>,
}

/// Finds the invitation of a token. Returns `None` if the token was never sent, was used, withdrawn
/// or has expired, or if the inviter may no longer invite. Callers do not distinguish these cases.
pub(crate) async fn find(sql: &Sql, token: &str) -> Result<Option<PendingInvitation>, Error> {
    const FIND: &str = r"
        SELECT
            i.id, i.organization_id, o.name AS organization_name, r.name AS role, i.email,
            k.id AS key_id, k.wrapped AS wrapped_key
        FROM mainstay.invitations i
        JOIN mainstay.organizations o ON o.id = i.organization_id
        JOIN mainstay.roles r ON r.id = i.role_id
        JOIN mainstay.data_keys k ON k.id = i.data_key
        WHERE i.hash = $1
          AND i.expires_at > $2
          AND mainstay.invitation_stands(i.invited_by, i.organization_id, i.role_id)
    ";

    let (hash, now) = (hash(token), sql.database().runtime().clock.now());
    let invitations: Vec<StoredInvitation> = sql
        .query(
            "invitations.find",
            FIND,
            [hash.clone().into(), now.inner().into()],
        )
        .await?;

    let invitation = invitations.into_iter().next();

    invitation
        .map(|invitation| invitation.open(sql, hash))
        .transpose()
}

impl StoredInvitation {
    fn open(self, sql: &Sql, hash: Vec<u8>) -> Result<PendingInvitation, Error> {
        let key = OwnKey {
            id: self.key_id,
            subject: self.id.uuid(),
            wrapped: self.wrapped_key,
        };
        let cell = email_cell(self.organization_id, self.id);

        Ok(PendingInvitation {
            id: self.id,
            hash,
            organization: self.organization_id.into(),
            organization_name: self.organization_name,
            role: self.role,
            email: sql.open_own(&key, &cell, &self.email)?,
        })
    }
}
