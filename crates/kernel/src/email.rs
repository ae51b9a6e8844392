//! E-mail addresses: which ones are accepted, and which ones are equal (ADR 0018).

use std::fmt;

use garde::Validate;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

/// Maximum length of the part before the `@`, in octets (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;

/// Maximum length of an address, in octets (RFC 5321 §4.5.3.1.3).
const MAX_LENGTH: usize = 254;

/// An e-mail address. It is personal data, and accounts are found by its normalised form.
///
/// The part before the `@` is an ASCII dot-string (RFC 5321 §4.1.2), without quoted strings and
/// without the characters of RFC 6531, many of which look or fold alike. It is stored as written
/// and compared without regard to ASCII case. The domain is a host name by UTS 46; an
/// internationalised domain is stored in its ASCII form (`xn--…`). The type does not check whether
/// the mailbox exists: a confirmation e-mail does.
#[derive(Clone, PartialEq, Eq, JsonSchema, Serialize, Validate)]
#[serde(transparent)]
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
    /// Parses an address; `None` if it is not valid.
    pub fn parse(text: &str) -> Option<Self> {
        let address = Self(with_ascii_domain(text));
        address.validate().is_ok().then_some(address)
    }

    /// Wraps a stored address without validation, because the rules may have changed since it was
    /// stored.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The address as written, with its domain in ASCII.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The normalised form, by which addresses are compared.
    ///
    /// It folds ASCII letters only. Full case folding would make different mailboxes equal (U+212A,
    /// the Kelvin sign, folds to `k`), and the owner of one could pass for the owner of the other.
    pub fn normalised(&self) -> Zeroizing<String> {
        Zeroizing::new(with_ascii_domain(&self.0).to_ascii_lowercase())
    }

    /// For example `a***@example.org`: the domain does not identify a person.
    pub fn mask(&self) -> String {
        let (name, domain) = self.0.split_once('@').unwrap_or((&self.0, ""));
        let rest = name.char_indices().nth(1);
        let first = rest.map_or(name, |(start, _)| &name[..start]);

        [first, "***@", domain].concat()
    }
}

/// Accepts any string and converts its domain to ASCII. Validation follows, together with that of
/// the other fields.
impl<'de> Deserialize<'de> for EmailAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(with_ascii_domain(&text)))
    }
}

/// Prints the masked address, because addresses must not appear in logs.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.mask())
    }
}

/// Converts an internationalised domain to ASCII. Returns the address unchanged if its domain is
/// ASCII or not a host name.
fn with_ascii_domain(text: &str) -> String {
    let ascii = text
        .rsplit_once('@')
        .filter(|(_, domain)| !domain.is_ascii())
        .and_then(|(local, domain)| Some(format!("{local}@{}", ascii_domain(domain)?)));
    ascii.unwrap_or_else(|| text.to_owned())
}

/// Converts a host name to ASCII by UTS 46, and checks the rules of host names (STD 3) and their
/// lengths.
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
            "not an e-mail address: use ASCII letters, digits and symbols before the @",
        ));
    }

    if text.len() > MAX_LENGTH
        || ascii_domain(domain).is_none_or(|ascii| !ascii.eq_ignore_ascii_case(domain))
    {
        return Err(garde::Error::new(
            "not an e-mail address: its domain is not a host name",
        ));
    }

    Ok(())
}

/// Whether it is a `Dot-string` of RFC 5321 §4.1.2.
fn is_dot_string(local: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
    };
    local.len() <= MAX_LOCAL_PART && local.split('.').all(is_atom)
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
    fn an_invalid_address_is_refused() {
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
    fn characters_that_fold_to_ascii_are_refused() {
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
    fn spellings_of_one_mailbox_are_equal() {
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
    fn a_domain_is_stored_in_ascii_and_a_local_part_as_written() {
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
