//! Organizations: their members, the members' roles, and the keys with which programs call the API.
//!
//! Members and invitations build on the accounts of persons. Service accounts, API keys and client
//! secrets build on the credentials that `principals` recognises.

pub mod api_keys;
pub mod invitations;
pub mod mailed_links;
pub mod members;
pub mod organization;
pub mod roles;
pub mod service_accounts;

mod home;
mod operator;
mod relations;
mod settings;
mod unlimited;
mod upkeep;

pub use api_keys::operators::{KeysOf, ListedKey, list_keys, revoke_key};
pub use home::{Home, declare_home, find_home};
pub use operator::{
    OrganizationSummary, Revoked, create_organization, list_organizations, revoke_organization,
};
pub use roles::{
    assign::{ListedRole, assign_role, list_roles_of},
    declare::declare_permissions,
};
pub use settings::Settings;
pub use upkeep::clear;
