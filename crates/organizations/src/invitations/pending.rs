//! Finds the invitation of a token.

use mainstay_database::{Error, OwnKey, Row, Unscoped, Uuid};
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

/// Finds the invitation of a token. Returns `None` if the token was never sent, was used, withdrawn
/// or has expired, or if the inviter may no longer invite. Callers do not distinguish these cases.
pub(crate) async fn find(
    unscoped: &Unscoped,
    token: &str,
) -> Result<Option<PendingInvitation>, Error> {
    const FIND: &str = r"
        SELECT i.id, i.organization_id, o.name, r.name, i.email, k.id, k.wrapped
        FROM mainstay.invitations i
        JOIN mainstay.organizations o ON o.id = i.organization_id
        JOIN mainstay.roles r ON r.id = i.role_id
        JOIN mainstay.data_keys k ON k.id = i.data_key
        WHERE i.hash = $1
          AND i.expires_at > $2
          AND mainstay.invitation_stands(i.invited_by, i.organization_id, i.role_id)
    ";

    let (hash, now) = (hash(token), unscoped.database().runtime().clock.now());
    let rows = unscoped
        .select(
            "invitations.find",
            FIND,
            [hash.clone().into(), now.inner().into()],
        )
        .await?;

    rows.first()
        .map(|row| read(unscoped, row, hash))
        .transpose()
}

fn read(unscoped: &Unscoped, row: &Row, hash: Vec<u8>) -> Result<PendingInvitation, Error> {
    let (id, organization): (InvitationId, Uuid) = (row.get(0)?, row.get(1)?);
    let key = OwnKey {
        id: row.get(5)?,
        subject: id.uuid(),
        wrapped: row.get(6)?,
    };

    let email = unscoped.open_own(&key, &email_cell(organization, id), &row.get::<Vec<u8>>(4)?)?;
    let (organization_name, role) = (row.get(2)?, row.get(3)?);

    Ok(PendingInvitation {
        id,
        hash,
        organization: organization.into(),
        organization_name,
        role,
        email,
    })
}
