//! Accounts, organizations, sessions and access tokens: a module like any other.
//!
//! It answers one question for every other room: whose token is this, and what may they do? Warm answers come from
//! memory ([`Identity`]); what ends a session or changes a role is announced by the database and heard within a second.
//! What a permission means is not decided here.

mod accounts;
mod directory;
mod email;
mod endpoints;
mod identity;
mod password;
mod revocation;
mod roles;
mod settings;
mod tokens;

pub use accounts::{AccountError, Created, NewUser, Place, create_organization, create_user};
pub use email::EmailAddress;
pub use endpoints::module;
pub use identity::Identity;
pub use password::Password;
pub use roles::declare_permissions;
pub use settings::Settings;
pub use tokens::{KeyError, SigningKey, TokenKeys};
