//! Principals: whose credential a request carries, and what it may do.
//!
//! Warm answers come from memory ([`Principals`]). What ends a session or changes a role is announced by the database and
//! reaches every process within a second. Accounts, organizations and OAuth clients are administered in the crates above;
//! what a permission means is decided by each feature.

pub mod api_keys;
pub mod authenticate;
pub mod client_secrets;
mod directory;
pub mod events;
pub mod leeway;
pub mod names;
pub mod privilege;
pub mod scannable;
pub mod scope;
pub mod secret;
pub mod session_cookie;
pub mod set_cookie;
pub mod signing;
pub mod standing;
pub mod tokens;

mod access_tokens;
mod principals;
mod revocation;
pub mod settings;
mod usage;

pub use principals::Principals;
pub use settings::Settings;
pub use signing::{
    key::KeyError,
    operate::{
        Begin, list_signing_keys, retire_signing_key, rotate_signing_keys, signing_key_made,
    },
    set::{KeyInfo, KeyState},
};
