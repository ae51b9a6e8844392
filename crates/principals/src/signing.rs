//! The keys that sign access tokens: several at a time, kept in the database, sealed under the key ring.
//!
//! The life of a key: *announced* (in the key set and good for verifying, but not signing yet), *signing*, *verifying*
//! (another one signs, its last tokens are still about), gone. A rotation only adds a key; everything else follows from
//! the times that stand in its row, so that every replica sees the same without a word between them.
//!
//! What a token says and how it is checked is not here: see `tokens.rs`.

mod key;
#[cfg(test)]
mod known_answers;
mod memory;
mod operate;
mod rotation;
mod set;
mod store;

#[cfg(test)]
pub(crate) use key::tests;

use time::Duration;

use crate::tokens::LONGEST_LIFETIME;

pub(crate) use key::{HALVES, Jwk, Key, KeyId};
pub(crate) use memory::KeyMemory;
pub(crate) use rotation::watch;
pub(crate) use store::LIST;

pub use key::KeyError;
pub use operate::{
    Begin, list_signing_keys, retire_signing_key, rotate_signing_keys, signing_key_made,
};
pub use set::{KeyInfo, KeyState};

/// How long a new key is announced before it signs: whoever verifies tokens elsewhere has asked for the keys meanwhile,
/// since nobody may keep an answer for longer than [`KEPT_FOR`].
const PROPAGATION: Duration = Duration::minutes(10);

/// How long others may keep the key set.
pub(crate) const KEPT_FOR: &str = "public, max-age=300";

/// How long a key verifies after another one began to sign: as long as the last token that it signed may be valid, however
/// that is set.
const OVERLAP: Duration = Duration::seconds(LONGEST_LIFETIME.as_secs().cast_signed());
