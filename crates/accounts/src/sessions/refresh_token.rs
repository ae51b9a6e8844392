//! A refresh token: opaque, shown once, stored as its hash.

use mainstay_kernel::{Random, SecretString};
use mainstay_principals::secret::FreshSecret;

/// A refresh token: opaque, shown once, stored as its hash.
pub(crate) struct RefreshToken {
    pub(crate) text: SecretString,
    pub(crate) hash: Vec<u8>,
}

impl RefreshToken {
    pub(crate) fn new(random: &Random) -> Self {
        let FreshSecret { text, hash } = FreshSecret::new(random, "mrt_");
        Self { text, hash }
    }
}
