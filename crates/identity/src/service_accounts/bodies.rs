use garde::Validate;
use mainstay_http::{Patch, input, view};
use mainstay_kernel::{Timestamp, UserId};
use schemars::JsonSchema;
use serde::Deserialize;

/// A new service account.
#[input]
pub(super) struct CreateServiceAccount {
    /// What it is called: what it does, for instance.
    pub(super) name: Name,
    /// Its role in the organization, which may grant no more than one's own.
    pub(super) role: RoleName,
}

/// What changes of a service account (RFC 7396): a field that is absent stays.
#[input]
pub(super) struct UpdateServiceAccount {
    /// What it is called.
    pub(super) name: Patch<Name>,
    /// Its role in the organization, which may grant no more than one's own.
    pub(super) role: Patch<RoleName>,
    /// Whether its keys and secrets are taken.
    #[garde(skip)]
    pub(super) active: Patch<bool>,
}

/// What a service account is called.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(super) struct Name(
    #[garde(length(chars, min = 1, max = 100))]
    #[schemars(length(min = 1, max = 100), extend("examples" = ["nightly export"]))]
    pub(super) String,
);

/// The name of a role.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
#[schemars(rename = "ServiceAccountRole")]
pub(super) struct RoleName(
    #[garde(length(chars, min = 1, max = 50))]
    #[schemars(length(min = 1, max = 50), extend("examples" = ["agent"]))]
    pub(super) String,
);

/// A service account.
#[view]
pub(super) struct ServiceAccountView {
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
