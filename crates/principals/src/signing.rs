//! The keys that sign access tokens. They are stored in the database, sealed under the key ring;
//! there can be several.
//!
//! A key is first *announced* (in the key set, verifies, does not sign yet), then *signing*, then
//! *verifying* (another key signs, but its last tokens are still valid), then gone. A rotation only
//! adds a key. Everything else follows from the times in its row, so that all replicas agree
//! without coordination.
//!
//! For the content of tokens and their verification, see `tokens.rs`.

mod endpoint;
pub(crate) mod key;
#[cfg(test)]
mod known_answers;
pub mod making;
pub(crate) mod memory;
pub(crate) mod operate;
pub(crate) mod rotation;
pub(crate) mod schedule;
pub(crate) mod set;
pub(crate) mod store;
pub mod stored;

use mainstay_http::Module;

use crate::principals::Principals;

/// The endpoint that publishes the public keys.
pub fn module() -> Module {
    key::HALVES
        .into_iter()
        .fold(Module::new("keys"), Module::private_column)
        .awaits::<Principals>()
        .keeping("mainstay.signing_keys", "until its last token has expired")
        .endpoints((endpoint::list_signing_keys,))
}
