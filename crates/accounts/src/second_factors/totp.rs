//! The codes of an authenticator app: six digits of HMAC-SHA1 over the half minute, which is what every app knows.

use mainstay_crypto::Zeroizing;
use mainstay_http::{INTERNAL, Problem};
use mainstay_kernel::{ExposeSecret as _, Random, SecretString, Timestamp};
use qrcode::{QrCode, render::svg};
use totp_rs::{Algorithm, Builder, Totp};

/// Bytes of a secret: what RFC 4226 §4 recommends, the length of the hash.
const LENGTH: usize = 20;

/// How long a code is shown, in seconds (OWASP ASVS 6.5.5).
const STEP: u64 = 30;

/// Steps that a clock may be off: one, as RFC 6238 §5.2 says.
const SKEW: u16 = 1;

/// Smallest side of the QR code, in pixels.
const SIDE: u32 = 240;

/// What an authenticator app is given once.
pub(crate) struct Enrolment {
    pub(super) secret: Zeroizing<Vec<u8>>,
    /// In Base32, for typing.
    pub(super) text: String,
    /// The `otpauth` URI, for apps.
    pub(super) uri: String,
    /// The same as a picture.
    pub(super) qr_code: String,
}

impl Enrolment {
    /// A fresh secret, for an account called `account` at `issuer`.
    pub(super) fn new(random: &Random, issuer: &str, account: &str) -> Result<Self, Problem> {
        let secret = Zeroizing::new(random.bytes::<LENGTH>().to_vec());
        let totp = named(&secret, issuer, account)?;
        let uri = totp
            .to_url()
            .map_err(|error| INTERNAL.problem().caused_by(error))?;
        let picture = QrCode::new(&uri).map_err(|error| INTERNAL.problem().caused_by(error))?;
        let qr_code = picture
            .render::<svg::Color<'_>>()
            .min_dimensions(SIDE, SIDE)
            .build();

        Ok(Self {
            text: totp.secret().to_base32(),
            secret,
            uri,
            qr_code,
        })
    }
}

/// The step that a code belongs to, if it is one of this secret's at present.
pub(crate) fn step_of(
    code: &SecretString,
    secret: &[u8],
    now: Timestamp,
) -> Result<Option<i64>, Problem> {
    let totp = algorithm(secret)
        .build()
        .map_err(|error| INTERNAL.problem().caused_by(error))?;
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    Ok(totp
        .check(code.expose_secret(), seconds)
        .and_then(|step| i64::try_from(step).ok()))
}

/// A colon stands between issuer and account in the URI, and in neither of them.
fn named(secret: &[u8], issuer: &str, account: &str) -> Result<Totp, Problem> {
    let without_colon = |text: &str| text.replace(':', " ");
    let named = algorithm(secret)
        .with_issuer(Some(without_colon(issuer)))
        .with_account_name(without_colon(account));
    named
        .build()
        .map_err(|error| INTERNAL.problem().caused_by(error))
}

fn algorithm(secret: &[u8]) -> Builder {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_skew(SKEW)
        .with_step_duration(STEP)
        .with_secret(secret.to_vec())
}

#[cfg(test)]
mod tests {
    use time::Duration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::seconds(seconds)
    }

    /// RFC 6238, appendix B: the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        const SECRET: &[u8] = b"12345678901234567890";

        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (20_000_000_000, "353130"),
        ] {
            let step = step_of(&code.into(), SECRET, at(seconds)).unwrap();
            assert_eq!(step, Some(seconds / 30), "{code}");
            assert_eq!(
                step_of(&code.into(), SECRET, at(seconds + 30)).unwrap(),
                step,
                "one step late"
            );
            assert_eq!(
                step_of(&code.into(), SECRET, at(seconds + 60)).unwrap(),
                None,
                "two steps late"
            );
        }
    }

    #[test]
    fn an_app_is_told_issuer_and_account() {
        let enrolment =
            Enrolment::new(&Random::default(), "api.example", "a:b@example.org").unwrap();
        assert_eq!(enrolment.secret.len(), 20);
        assert!(
            enrolment
                .uri
                .starts_with("otpauth://totp/api.example:a%20b%40example.org?"),
            "{}",
            enrolment.uri
        );

        assert!(
            enrolment
                .uri
                .contains(&format!("secret={}", enrolment.text)),
            "{}",
            enrolment.uri
        );
        assert!(
            enrolment.uri.contains("issuer=api.example"),
            "{}",
            enrolment.uri
        );
        assert!(enrolment.qr_code.contains("<svg"));
    }
}
