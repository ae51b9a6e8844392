//! The keys that sign access tokens: several at a time, kept in the database, sealed under the key ring.
//!
//! The life of a key: *announced* (in the key set and good for verifying, but not signing yet), *signing*, *verifying*
//! (another one signs, its last tokens are still about), gone. A rotation only adds a key; everything else follows from
//! the times that stand in its row, so that every replica sees the same without a word between them.
//!
//! What a token says and how it is checked is not here: see `tokens.rs`.

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

/// The public half of the keys, for whoever verifies tokens.
pub fn module() -> Module {
    key::HALVES
        .into_iter()
        .fold(Module::new("keys"), Module::private_column)
        .awaits::<Principals>()
        .keeping(
            "mainstay.signing_keys",
            "until the last token that it signed has run out",
        )
        .endpoints((endpoint::list_signing_keys,))
}
