//! A row of the view `members`.

use mainstay_accounts::account::address::email_cell;
use mainstay_crypto::{Masked, Sealed};
use mainstay_database::{Entity, Error, Id, OwnKey, Sql};
use mainstay_http::view;
use mainstay_kernel::{EmailAddress, Timestamp, UserId};

/// A member's identifier, which is that of the account.
pub(crate) type MemberId = Id<MemberRow>;

/// A row of the view `members`. The address is sealed under the account's own key, not under a key
/// of the organization, so it stays sealed until [`open`](Self::open).
#[derive(Entity)]
#[entity(table = "mainstay.members", resource = "member")]
pub(crate) struct MemberRow {
    id: MemberId,
    role: String,
    email: Vec<u8>,
    key_id: i64,
    wrapped: Vec<u8>,
    active: bool,
    second_factor: bool,
    created_at: Timestamp,
}

/// A member.
#[view]
pub(crate) struct MemberView {
    /// The id of the member's account.
    id: UserId,
    /// The member's e-mail address, masked: its first character and its domain.
    email: Masked,
    /// The name of the member's role.
    role: String,
    /// Whether the account is active.
    active: bool,
    /// Whether the account signs in with a second factor.
    second_factor: bool,
    /// When the member joined the organization.
    created_at: Timestamp,
}

impl MemberRow {
    /// Opens the member's address.
    pub(super) fn open(&self, sql: &Sql) -> Result<EmailAddress, Error> {
        let id = self.id.uuid();
        let key = OwnKey {
            id: self.key_id,
            subject: id,
            wrapped: self.wrapped.clone(),
        };
        sql.open_own(&key, &email_cell(id), &self.email)
    }

    pub(super) fn view(self, sql: &Sql) -> Result<MemberView, Error> {
        Ok(MemberView {
            id: self.id.uuid().into(),
            email: Sealed::new(self.open(sql)?).masked(),
            role: self.role,
            active: self.active,
            second_factor: self.second_factor,
            created_at: self.created_at,
        })
    }
}
