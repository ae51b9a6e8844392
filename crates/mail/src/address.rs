//! E-mail addresses.

use lettre::Address;
use mainstay_kernel::EmailAddress;

/// Parses an e-mail address. Returns `None` for text with another meaning in a header or command,
/// such as line breaks, brackets, quotes or a second address (OWASP ASVS 1.3.11). The rule is that
/// of [`EmailAddress`].
pub(crate) fn parse(text: &str) -> Option<Address> {
    EmailAddress::parse(text)?.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_are_accepted() {
        for address in [
            "ada@example.org",
            "a.b+c@sub.example.org",
            "o'hara@example.org",
            "a@localhost",
        ] {
            assert_eq!(
                parse(address).map(|it| it.to_string()).as_deref(),
                Some(address)
            );
        }
        assert_eq!(
            parse("kate@exämple.org")
                .map(|it| it.to_string())
                .as_deref(),
            Some("kate@xn--exmple-cua.org")
        );

        let long = format!("{}@example.org", "a".repeat(250));

        for invalid in [
            "",
            "@",
            "ada",
            "ada@",
            "@example.org",
            "ada@example.org@example.com",
            "ada@example.org,eve@example.com",
            "Ada <ada@example.org>",
            "<ada@example.org>",
            "\"a b\"@example.org",
            "\"a@b\"@example.org",
            "ada@example.org\r\nBcc: eve@example.com",
            "ada@example.org\nBcc:eve@example.com",
            "ada\r\n@example.org",
            "ada@example.org\r\nDATA",
            "ada@example.org\0",
            "ada@example.org\u{2028}Bcc",
            "ada@[127.0.0.1]",
            " ada@example.org",
            "käte@example.org",
            long.as_str(),
        ] {
            assert!(parse(invalid).is_none(), "{invalid:?}");
        }
    }
}
