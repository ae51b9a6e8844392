//! Principals: who a request's credential belongs to, and what it may do.
//!
//! Principals in use are cached in memory ([`Principals`]). The database announces ended sessions
//! and changed roles, and every process sees them within a second. The crates above administer
//! accounts, organizations and OAuth clients; each feature decides what its permissions mean.

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
mod unlimited;
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
