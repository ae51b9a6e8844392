//! Accounts, organizations, sessions and access tokens: modules like any other.
//!
//! It answers one question for every other room: whose credential is this, and what may they do? Warm answers come from
//! memory ([`Identity`]); what ends a session or changes a role is announced by the database and heard within a second.
//! What a permission means is not decided here.

mod account_pages;
mod accounts;
mod api_keys;
mod authenticate;
mod directory;
mod endpoints;
mod events;
mod identity;
mod oauth;
mod passwords;
mod privilege;
mod revocation;
mod roles;
mod scannable;
mod secret;
mod service_accounts;
mod sessions;
mod settings;
mod throttle;
mod tokens;
mod usage;

pub use accounts::{AccountError, Created, EmailAddress, NewUser, Place, create_organization, create_user};
pub use api_keys::{KeysOf, ListedKey, list_keys, revoke_key};
pub use endpoints::modules;
pub use identity::Identity;
pub use oauth::{ClientError, ClientRow, create_client, disable_client, list_clients};
pub use passwords::Password;
pub use roles::declare_permissions;
pub use settings::Settings;
pub use tokens::{KeyError, SigningKey, TokenKeys};
