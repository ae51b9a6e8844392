//! The platform's cryptography: sealed personal values, blind indexes, sealed cursors, passwords
//! and token digests.
//!
//! Every function here is pure: no I/O, no SQL, no clock, no global state. TLS and signed tokens
//! (JWT) live elsewhere. Each job has one algorithm, and all stored data begins with a version
//! byte, so that a later format can be distinguished:
//!
//! | job | algorithm | source |
//! |---|---|---|
//! | sealing cells, data keys and cursors | AES-256-GCM, random 96-bit nonce | NIST SP 800-38D |
//! | deriving keys | HKDF-SHA256 | RFC 5869 |
//! | blind indexes | HMAC-SHA256 | RFC 2104, FIPS 198-1 |
//! | digests of high-entropy tokens | SHA-256 | FIPS 180-4 |
//! | passwords | Argon2id | RFC 9106 |
//!
//! Keys form a tree. The [`KeyRing`] holds root keys from the configuration. From each root HKDF
//! derives a key encryption key, an index key and a cursor key, which do one job each. The key
//! encryption key wraps one [`DataKey`] per data subject; destroying that wrapped key makes all the
//! subject's cells unreadable.
//!
//! A personal value is held as [`Sealed`]: it can be stored, masked and searched, but reading it
//! requires a [`Disclosure`].
//!
//! ```
//! use mainstay_crypto::{Cell, KeyRing, Personal, Sealed, Zeroizing};
//! use mainstay_kernel::{Random, Uuid};
//!
//! #[derive(Clone, PartialEq)]
//! struct Nickname(String);
//!
//! impl Personal for Nickname {
//!     fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
//!         Zeroizing::new(self.0.as_bytes().to_vec())
//!     }
//!     fn from_plaintext(bytes: &[u8]) -> Option<Self> {
//!         String::from_utf8(bytes.to_vec()).ok().map(Self)
//!     }
//!     fn mask(&self) -> String {
//!         "***".to_owned()
//!     }
//! }
//!
//! let random = Random::default();
//! let ring = KeyRing::parse(&KeyRing::generate(&random))?;
//! let (organization, person, row) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
//! let (key, wrapped) = ring.new_data_key(&random, organization, person);
//!
//! let cell = Cell { organization, table: "customers", column: "nickname", row };
//! let stored = Sealed::new(Nickname("Bo".to_owned())).seal(&key, &random, &cell);
//!
//! let key = ring.unwrap(key.id(), organization, person, &wrapped.0)?;
//! let read = Sealed::<Nickname>::open(&key, &cell, &stored)?;
//! assert_eq!(read.masked().as_str(), "***");
//! assert_eq!(format!("{read:?}"), "[sealed]");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod associated_data;
mod blind_index;
mod cell;
mod cipher;
mod cursor;
mod data_key;
mod derive;
mod email;
mod error;
#[cfg(test)]
mod known_answers;
mod password;
mod personal;
mod plain_values;
mod private;
mod ring;
mod sealed;
mod token;
#[cfg(test)]
mod transplants;

pub use blind_index::{BlindIndex, IndexLength, IndexPlace};
pub use cell::Cell;
pub use data_key::{DataKey, WrappedKey};
pub use error::SealError;
pub use password::{Argon2Parameters, HashError, PasswordHasher, Statistics, Verdict};
pub use personal::{Disclosure, Identifying, Indexed, Masked, Personal};
pub use ring::{KeyProblem, KeyRing, KeyRingError};
pub use sealed::Sealed;
pub use token::{same_bytes, token_digest};
pub use zeroize::Zeroizing;
