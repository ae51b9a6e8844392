//! Accounts, organizations, sessions and access tokens: modules like any other.
//!
//! It answers one question for every other room: whose credential is this, and what may they do? Warm answers come from
//! memory ([`Identity`]); what ends a session or changes a role is announced by the database and heard within a second.
//! What a permission means is not decided here.

mod access_tokens;
mod account_pages;
mod accounts;
mod api_keys;
mod authenticate;
mod directory;
mod endpoints;
mod events;
mod external;
mod identity;
mod invitations;
mod keeping;
mod leeway;
mod letters;
mod mailed_links;
mod members;
mod names;
mod oauth;
mod operator;
mod organizations;
mod passkeys;
mod passwords;
mod privilege;
mod revocation;
mod roles;
mod scannable;
mod second_factors;
mod secret;
mod service_accounts;
mod sessions;
mod settings;
mod signing;
mod standing;
mod throttle;
mod tokens;
mod upkeep;
mod usage;

pub use accounts::{
    AccountError, Created, EmailAddress, NewPassword, NewUser, Place, create_organization,
    create_user, delete_account, set_active,
};
pub use api_keys::{KeysOf, ListedKey, list_keys, revoke_key};
pub use endpoints::modules;
pub use events::audit_vocabulary;
pub use external::{ExternalSettings, ProviderSettings};
pub use identity::Identity;
pub use names::{DisplayName, OrganizationName};
pub use oauth::{
    ClientError, ClientRow, NewClient, create_client, disable_client, list_clients, set_first_party,
};
pub use operator::{
    OrganizationSummary, Revoked, SessionSummary, UserSummary, end_session, end_sessions_of,
    find_user, list_organizations, revoke_organization, sessions_of,
};
pub use passkeys::RelyingParty;
pub use passwords::{Password, Strength};
pub use roles::{ListedRole, assign_role, declare_permissions, list_roles_of};
pub use second_factors::reset_second_factors;
pub use settings::Settings;
pub use signing::{
    Begin, KeyError, KeyInfo, KeyState, list_signing_keys, retire_signing_key, rotate_signing_keys,
    signing_key_made,
};
pub use upkeep::upkeep;
