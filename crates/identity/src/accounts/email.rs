use std::fmt;

use garde::Validate;
use mainstay_crypto::{Identifying, Indexed, Personal, Zeroizing};
use schemars::JsonSchema;
use serde::Deserialize;

/// An e-mail address as its owner writes it: personal, found through its lower-case form.
///
/// Only what every mail system agrees on is checked (one `@`, something on both sides, no white space): whether an
/// address exists is known when mail arrives there.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub struct EmailAddress(
    #[garde(length(chars, min = 3, max = 254), custom(is_address))]
    #[schemars(
        length(min = 3, max = 254),
        regex(pattern = r"^[^@\s]+@[^@\s]+$"),
        extend("format" = "email", "examples" = ["ada@example.org"])
    )]
    String,
);

impl EmailAddress {
    /// An address; `None` when it breaks the rules.
    pub fn parse(text: &str) -> Option<Self> {
        let address = Self(text.to_owned());
        address.validate().is_ok().then_some(address)
    }

    /// The address as its owner writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Masked: an address is not for logs.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mask())
    }
}

impl Personal for EmailAddress {
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.as_bytes().to_vec())
    }

    fn from_plaintext(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.to_vec()).ok().map(Self)
    }

    /// `a***@example.org`: the domain says where, not who.
    fn mask(&self) -> String {
        let (name, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first: String = name.chars().take(1).collect();
        format!("{first}***@{domain}")
    }
}

impl Indexed for EmailAddress {
    fn normalised(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.to_lowercase())
    }
}

impl Identifying for EmailAddress {}

fn is_address(text: &str, _: &()) -> garde::Result {
    let whole = text
        .split_once('@')
        .is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty() && !domain.contains('@'));
    if whole && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
        Ok(())
    } else {
        Err(garde::Error::new("not an e-mail address"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_mail_system_takes_is_refused() {
        for wrong in ["", "a", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\n", "a\u{0}@b"] {
            assert!(EmailAddress::parse(wrong).is_none(), "{wrong:?}");
        }
        for right in ["a@b", "Ada.Lovelace+x@example.org", "用户@例子.广告", "o'neil@example.org"] {
            assert!(EmailAddress::parse(right).is_some(), "{right}");
        }
    }

    #[test]
    fn a_mask_shows_one_letter() {
        assert_eq!(EmailAddress::parse("ada@example.org").unwrap().mask(), "a***@example.org");
    }
}
