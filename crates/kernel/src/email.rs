//! An e-mail address: which ones are taken, and when two of them are one (ADR 0018).

use std::fmt;

use garde::Validate;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// The longest part before the `@`, in octets (RFC 5321 §4.5.3.1.1).
const LONGEST_LOCAL_PART: usize = 64;

/// The longest address, in octets (RFC 5321 §4.5.3.1.3).
const LONGEST: usize = 254;

/// An e-mail address: personal, and found through the one spelling of its mailbox.
///
/// The part before the `@` is an ASCII dot-string (RFC 5321 §4.1.2): no quoted strings, and none of the letters of RFC
/// 6531, of which many look or fold alike. It is kept as its owner writes it, and compared without regard to ASCII case.
/// The domain is a host name by UTS 46; an internationalised one is kept in its ASCII form (`xn--…`), so that it
/// has one spelling. Whether an address exists is known when mail arrives there.
#[derive(Clone, PartialEq, Eq, JsonSchema, Validate)]
#[schemars(transparent)]
#[garde(transparent)]
pub struct EmailAddress(
    #[garde(length(chars, min = 3, max = 254), custom(is_address))]
    #[schemars(
        length(min = 3, max = 254),
        regex(pattern = r"^[-!#$%&'*+/0-9=?A-Z^_`a-z{|}~]+(\.[-!#$%&'*+/0-9=?A-Z^_`a-z{|}~]+)*@[^@\s]+$"),
        extend("format" = "email", "examples" = ["ada@example.org"])
    )]
    String,
);

impl EmailAddress {
    /// An address; `None` when it breaks the rules.
    pub fn parse(text: &str) -> Option<Self> {
        let address = Self(with_ascii_domain(text));
        address.validate().is_ok().then_some(address)
    }

    /// An address that was stored: the rules of its day are not today's.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The address as its owner writes it, its domain in ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one spelling of its mailbox, by which addresses are compared.
    ///
    /// It folds ASCII letters alone: full case folding would make one of two mailboxes (U+212A, the Kelvin sign, folds to
    /// `k`), and the owner of one would be taken for the owner of the other.
    pub fn normalised(&self) -> Zeroizing<String> {
        Zeroizing::new(with_ascii_domain(&self.0).to_ascii_lowercase())
    }

    /// `a***@example.org`: the domain says where, not who.
    pub fn mask(&self) -> String {
        let (name, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let first: String = name.chars().take(1).collect();
        format!("{first}***@{domain}")
    }
}

/// Reads any text, with its domain in the one spelling that is kept; the rules are checked afterwards, with those of the
/// other fields.
impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(with_ascii_domain(&text)))
    }
}

/// Masked: an address is not for logs.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mask())
    }
}

/// The address with an internationalised domain in ASCII; as it is where the domain is ASCII already, or no host name.
fn with_ascii_domain(text: &str) -> String {
    let ascii = text
        .rsplit_once('@')
        .filter(|(_, domain)| !domain.is_ascii())
        .and_then(|(local, domain)| Some(format!("{local}@{}", ascii_domain(domain)?)));
    ascii.unwrap_or_else(|| text.to_owned())
}

/// A host name in its ASCII form, by UTS 46 with the rules of host names (STD 3) and their lengths.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = Uts46::new().to_ascii(
        domain.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::Check,
        DnsLength::Verify,
    );
    ascii.ok().map(|ascii| ascii.into_owned())
}

fn is_address(text: &str, _: &()) -> garde::Result {
    let (local, domain) = text
        .split_once('@')
        .ok_or_else(|| garde::Error::new("not an e-mail address"))?;

    if !is_dot_string(local) {
        return Err(garde::Error::new(
            "not an e-mail address: ASCII letters, digits and signs stand before the @",
        ));
    }

    if text.len() > LONGEST
        || ascii_domain(domain).is_none_or(|ascii| !ascii.eq_ignore_ascii_case(domain))
    {
        return Err(garde::Error::new(
            "not an e-mail address: its domain is no host name",
        ));
    }

    Ok(())
}

/// `Dot-string` of RFC 5321 §4.1.2.
fn is_dot_string(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= LONGEST_LOCAL_PART && local.split('.').all(is_atom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(text: &str) -> String {
        EmailAddress::parse(text)
            .unwrap_or_else(|| panic!("{text:?}"))
            .normalised()
            .to_string()
    }

    #[test]
    fn what_is_no_mailbox_is_refused() {
        for wrong in [
            "",
            "a",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a@b\n",
            "a\u{0}@b",
            "a@b c",
            ".a@b",
            "a.@b",
            "a..b@c",
            "\"a\"@b",
            "a@[127.0.0.1]",
            "a@-b",
            "a@b-",
            "a@b..c",
            "a@b.",
            "a@xn--0",
            "a@b_c",
            "a@\u{200b}",
            "a(x)@b",
        ] {
            assert!(EmailAddress::parse(wrong).is_none(), "{wrong:?}");
        }

        let long = format!("{}@example.org", "a".repeat(65));
        assert!(EmailAddress::parse(&long).is_none());

        for right in [
            "a@b",
            "Ada.Lovelace+x@example.org",
            "o'neil@example.org",
            "a@例子.广告",
            "a@xn--fsqu00a.xn--4gbrim",
        ] {
            assert!(EmailAddress::parse(right).is_some(), "{right}");
        }
    }

    #[test]
    fn letters_that_fold_to_ascii_are_no_letters_of_a_mailbox() {
        for letter in [
            '\u{212a}', '\u{17f}', '\u{131}', '\u{130}', 'ｎ', 'ß', 'é', 'к', '\u{ad}', '\u{200d}',
            '\u{202e}',
        ] {
            assert!(
                EmailAddress::parse(&format!("nic{letter}@example.org")).is_none(),
                "{letter:?}"
            );
        }
    }

    #[test]
    fn a_mailbox_has_one_spelling() {
        assert_eq!(normalised("Nick@EXAMPLE.org"), "nick@example.org");
        assert_eq!(normalised("nick@ｅxample.org"), "nick@example.org");
        assert_eq!(
            normalised("nick@Bücher.example"),
            "nick@xn--bcher-kva.example"
        );
        assert_eq!(
            normalised("nick@xn--bcher-kva.example"),
            "nick@xn--bcher-kva.example"
        );
        assert_eq!(
            normalised("nick@fa\u{df}.example"),
            "nick@xn--fa-hia.example"
        );
        assert_ne!(
            normalised("nick@fass.example"),
            normalised("nick@fa\u{df}.example")
        );
    }

    #[test]
    fn a_domain_is_kept_in_ascii_and_a_local_part_as_it_is_written() {
        assert_eq!(
            EmailAddress::parse("Nick@Bücher.example").unwrap().as_str(),
            "Nick@xn--bcher-kva.example"
        );
        assert_eq!(
            EmailAddress::parse("Nick@Example.org").unwrap().as_str(),
            "Nick@Example.org"
        );
    }

    #[test]
    fn a_mask_shows_one_letter() {
        assert_eq!(
            EmailAddress::parse("ada@example.org").unwrap().mask(),
            "a***@example.org"
        );
    }
}
