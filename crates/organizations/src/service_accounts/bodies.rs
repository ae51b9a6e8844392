//! Service accounts in requests and answers.

use mainstay_http::{Patch, input, view};
use mainstay_kernel::{Timestamp, UserId};
use mainstay_principals::names::DisplayName;

use crate::roles::name::RoleName;

/// A new service account.
#[input]
pub(crate) struct CreateServiceAccount {
    /// What it is called: what it does, for instance.
    pub(super) name: DisplayName,
    /// Its role in the organization, which may grant no more than one's own.
    pub(super) role: RoleName,
}

/// What changes of a service account (RFC 7396): a field that is absent stays.
#[input]
pub(crate) struct UpdateServiceAccount {
    /// What it is called.
    pub(super) name: Patch<DisplayName>,
    /// Its role in the organization, which may grant no more than one's own.
    pub(super) role: Patch<RoleName>,
    /// Whether its keys and secrets are taken.
    #[garde(skip)]
    pub(super) active: Patch<bool>,
}

/// A service account.
#[view]
pub(crate) struct ServiceAccountView {
    /// Which; its `client_id`, too.
    pub(super) id: UserId,
    /// What it is called.
    pub(super) name: String,
    /// Its role in the organization.
    pub(super) role: String,
    /// Whether its keys and secrets are taken.
    pub(super) active: bool,
    /// When it was made.
    pub(super) created_at: Timestamp,
}
