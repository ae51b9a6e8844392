//! A row of the view `invitations_shown`, and the sealed column of invitations.

use mainstay_accounts::account::tables::address_index;
use mainstay_crypto::{Cell, Masked, Sealed};
use mainstay_database::{
    Entity, Erasure, Error, Id, KeyHolder, OwnKey, Scope, SealedColumn, SealedTable, Sql,
    Uniqueness, Uuid,
};
use mainstay_http::view;
use mainstay_kernel::{EmailAddress, Timestamp, UserId};

/// An invitation's identifier.
pub(crate) type InvitationId = Id<InvitationRow>;

/// A row of the view `invitations_shown`.
#[derive(Entity)]
#[entity(table = "mainstay.invitations_shown", resource = "invitation")]
pub(crate) struct InvitationRow {
    id: InvitationId,
    email: Vec<u8>,
    key_id: i64,
    wrapped: Vec<u8>,
    role: String,
    invited_by: Uuid,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// A pending invitation.
#[view]
pub(crate) struct InvitationView {
    /// The invitation's id.
    pub(super) id: InvitationId,
    /// The invited e-mail address, masked: its first character and its domain.
    pub(super) email: Masked,
    /// The name of the role that the person gets.
    pub(super) role: String,
    /// The account that created the invitation. It must still be allowed to invite when the
    /// invitation is accepted.
    pub(super) invited_by: UserId,
    /// When the invitation was created.
    pub(super) created_at: Timestamp,
    /// When the invitation expires.
    pub(super) expires_at: Timestamp,
}

impl InvitationRow {
    pub(super) fn view(self, sql: &Sql, organization: Uuid) -> Result<InvitationView, Error> {
        let key = OwnKey {
            id: self.key_id,
            subject: self.id.uuid(),
            wrapped: self.wrapped,
        };

        let email: EmailAddress =
            sql.open_own(&key, &email_cell(organization, self.id), &self.email)?;

        Ok(InvitationView {
            id: self.id,
            email: Sealed::new(email).masked(),
            role: self.role,
            invited_by: self.invited_by.into(),
            created_at: self.created_at,
            expires_at: self.expires_at,
        })
    }
}

/// The sealed column of invitations. They share the blind index of accounts, so that an account's
/// invitations are found by its address.
pub(super) fn table() -> SealedTable {
    SealedTable {
        table: "mainstay.invitations",
        resource: "invitation",
        id: "id",
        subject: "id",
        scope: Scope::Organization,
        key: KeyHolder::Row,
        columns: vec![SealedColumn::at("mainstay.invitations", "email")],
        indexes: vec![address_index(Uniqueness::None)],
        erasure: Erasure::Delete,
    }
}

/// The cell of an invitation's address. The invitation itself is the data subject, because the
/// address may have no account.
pub(crate) fn email_cell(organization: Uuid, id: InvitationId) -> Cell<'static> {
    Cell {
        organization,
        table: "mainstay.invitations",
        column: "email",
        row: id.uuid(),
    }
}
