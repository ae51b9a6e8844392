//! Federation: OAuth 2 tokens for applications and machines, and sign-in with OpenID providers.
//!
//! Both start sessions of accounts. All that this crate knows of organizations is which one a
//! session works in.

pub mod external;
pub mod oauth;

mod unlimited;

pub use external::{
    provider_list::ProviderSettings, providers::Providers, settings::ExternalSettings,
};
pub use oauth::register::{
    ClientError, ClientRow, NewClient, create_client, deactivate_client, list_clients,
    set_first_party,
};
