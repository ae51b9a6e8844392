//! Which fields are never written, whatever they hold (OWASP ASVS 5.0, 16.2.5).
//!
//! The name decides, not the value, for a name is known when the code is written and a value is not. It errs on the safe
//! side: `token_count` is hidden too. An identifier that should be seen needs another name, such as `key_id`.

/// What stands in place of the value.
pub(crate) const REDACTED: &str = "[redacted]";

/// The parts that begin with this letter, in lower case and without separators; a name with one of them anywhere in it is
/// secret.
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

/// Short words that would be found inside harmless ones, so the name's last word must be one of them.
const SECRET_WORDS: [&str; 5] = ["otp", "totp", "pin", "dsn", "cvv"];

/// Whether a field of this name may hold a secret: `password`, `http.request.header.authorization`, `apiKey`, `otp`.
pub(crate) fn is_secret(name: &str) -> bool {
    let last_word = name
        .rsplit(|character: char| !character.is_ascii_alphanumeric())
        .next()
        .unwrap_or_default();
    SECRET_WORDS
        .iter()
        .any(|word| last_word.eq_ignore_ascii_case(word))
        || (0..name.len()).any(|start| a_part_begins(&name.as_bytes()[start..]))
}

/// Whether a secret part stands at the beginning, whatever its case and separators. Compares in place, for this runs at
/// every letter of every field of every event.
fn a_part_begins(name: &[u8]) -> bool {
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
    fn names_of_secrets_are_found_in_every_spelling() {
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
    fn ordinary_names_are_written() {
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
