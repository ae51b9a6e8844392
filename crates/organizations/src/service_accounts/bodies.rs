//! Service accounts in requests and responses.

use mainstay_database::FromRow;
use mainstay_http::{Patch, input, view};
use mainstay_kernel::{Timestamp, UserId};
use mainstay_principals::names::DisplayName;

use crate::roles::name::RoleName;

/// A new service account.
#[input]
pub(crate) struct CreateServiceAccount {
    /// The account's name, for example what it does.
    pub(super) name: DisplayName,
    /// The account's role in the organization. It must not grant more than your own role.
    pub(super) role: RoleName,
}

/// Changes to a service account (RFC 7396). Absent fields stay as they are.
#[input]
pub(crate) struct UpdateServiceAccount {
    /// The account's name.
    pub(super) name: Patch<DisplayName>,
    /// The account's role in the organization. It must not grant more than your own role.
    pub(super) role: Patch<RoleName>,
    /// Whether the account is active. The keys and secrets of an inactive account are refused.
    #[garde(skip)]
    pub(super) active: Patch<bool>,
}

/// A service account.
#[view]
#[derive(FromRow)]
pub(crate) struct ServiceAccountView {
    /// The account's id, which is also its `client_id`.
    pub(super) id: UserId,
    /// The account's name.
    pub(super) name: String,
    /// The account's role in the organization.
    pub(super) role: String,
    /// Whether the account is active. The keys and secrets of an inactive account are refused.
    pub(super) active: bool,
    /// When the account was created.
    pub(super) created_at: Timestamp,
}
