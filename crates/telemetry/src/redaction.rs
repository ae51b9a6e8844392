//! Redaction of fields by name (OWASP ASVS 5.0, 16.2.5).
//!
//! The name decides, not the value, because names are known when the code is written. This errs on
//! the safe side: `token_count` is redacted too. An id that should be visible needs another name,
//! such as `key_id`.

/// The text that replaces the value.
pub(crate) const REDACTED: &str = "[redacted]";

/// The parts of names that mark a secret and start with this letter, in lower case and without
/// separators. They match anywhere in a name.
fn secret_parts(first_letter: u8) -> &'static [&'static str] {
    match first_letter {
        b'a' => &["apikey", "authorization"],
        b'b' => &["bearer"],
        b'c' => &["connectionstring", "cookie", "credential"],
        b'd' => &["databaseurl"],
        b'j' => &["jwt"],
        b'p' => &["passphrase", "passwd", "password", "privatekey", "pwd"],
        b's' => &["secret"],
        b't' => &["token"],
        _ => &[],
    }
}

/// Short words that also occur within harmless ones, so they match only the last word of a name.
const SECRET_WORDS: [&str; 5] = ["otp", "totp", "pin", "dsn", "cvv"];

/// Whether a field of this name may hold a secret: `password`, `http.request.header.authorization`,
/// `apiKey`, `otp`.
pub(crate) fn is_secret(name: &str) -> bool {
    let last_word = name
        .rsplit(|character: char| !character.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();

    SECRET_WORDS
        .iter()
        .any(|word| last_word.eq_ignore_ascii_case(word))
        || (0..name.len()).any(|start| starts_with_secret(&name.as_bytes()[start..]))
}

/// Whether a name starts with a secret part, ignoring case and separators. Compares without
/// allocating, because it runs for every letter of every field of every event.
fn starts_with_secret(name: &[u8]) -> bool {
    secret_parts(name[0].to_ascii_lowercase())
        .iter()
        .any(|part| {
            let mut letters = name
                .iter()
                .filter(|byte| byte.is_ascii_alphanumeric())
                .map(u8::to_ascii_lowercase);
            part.bytes().all(|wanted| letters.next() == Some(wanted))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_recognised_in_every_spelling() {
        for name in [
            "password",
            "new_password",
            "userPassword",
            "PASSWD",
            "db.passphrase",
            "client_secret",
            "access_token",
            "refreshToken",
            "token",
            "http.request.header.authorization",
            "Authorization",
            "set-cookie",
            "cookie",
            "x-api-key",
            "apiKey",
            "API_KEY",
            "private.key",
            "credentials",
            "bearer",
            "id_jwt",
            "database_url",
            "totp",
            "mfa.otp",
            "card_pin",
        ] {
            assert!(is_secret(name), "{name}");
        }
    }

    #[test]
    fn ordinary_names_are_not_secret() {
        for name in [
            "",
            "message",
            "request_id",
            "trace_id",
            "http.route",
            "status",
            "user",
            "key_id",
            "hotpath",
            "option",
            "spin",
            "shipping",
            "ключ",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
