//! Accounts, organizations, sessions and access tokens: modules like any other.
//!
//! It answers one question for every other room: whose credential is this, and what may they do? Warm answers come from
//! memory ([`Identity`]); what ends a session or changes a role is announced by the database and heard within a second.
//! What a permission means is not decided here.

mod accounts;
mod authenticate;
mod directory;
mod endpoints;
mod events;
mod external;
mod identity;
mod letters;
mod passwords;
mod revocation;
mod roles;
mod secret;
mod sessions;
mod settings;
mod throttle;
mod tokens;
mod usage;

pub use accounts::{
    AccountError, Created, EmailAddress, NewPassword, NewUser, Place, create_organization, create_user, delete_account,
    set_active,
};
pub use endpoints::modules;
pub use external::{ExternalSettings, ProviderSettings};
pub use identity::Identity;
pub use passwords::{Password, Strength};
pub use roles::declare_permissions;
pub use settings::Settings;
pub use tokens::{KeyError, SigningKey, TokenKeys};
