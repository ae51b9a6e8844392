//! Federation: tokens for applications and machines by OAuth 2, and sign-in by what other providers vouch for.
//!
//! Both begin sessions of accounts; neither knows of organizations more than in which one a session works.

pub mod external;
pub mod oauth;

pub use external::{
    provider_list::ProviderSettings, providers::Providers, settings::ExternalSettings,
};
pub use oauth::register::{
    ClientError, ClientRow, NewClient, create_client, deactivate_client, list_clients,
    set_first_party,
};
