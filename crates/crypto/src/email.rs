//! An e-mail address as a personal value: sealed, masked, and found by the normalised form of its
//! mailbox (ADR 0018).

use mainstay_kernel::EmailAddress;
use zeroize::Zeroizing;

use crate::personal::{Identifying, Indexed, Personal};

impl Personal for EmailAddress {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.as_str().as_bytes().to_vec())
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec())
            .ok()
            .map(Self::from_stored)
    }

    fn mask(&self) -> String {
        self.mask()
    }
}

impl Indexed for EmailAddress {
    fn normalised(&self) -> Zeroizing<String> {
        self.normalised()
    }
}

impl Identifying for EmailAddress {}
