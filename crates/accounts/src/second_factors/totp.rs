//! The codes of an authenticator app: six digits, HMAC-SHA1 and steps of 30 seconds, which every
//! app supports.

use mainstay_crypto::Zeroizing;
use mainstay_http::{INTERNAL, Problem};
use mainstay_kernel::{ExposeSecret as _, Random, SecretString, Timestamp};
use qrcode::{QrCode, render::svg};
use totp_rs::{Algorithm, Builder, Totp};

/// Length of a secret in bytes: the length of the hash, as RFC 4226 §4 recommends.
const LENGTH: usize = 20;

/// How long a code is shown, in seconds (OWASP ASVS 6.5.5).
const STEP: u64 = 30;

/// Number of steps that a clock may be off: one, as RFC 6238 §5.2 recommends.
const SKEW: u16 = 1;

/// Minimum width and height of the QR code, in pixels.
const SIDE: u32 = 240;

/// The data for setting up an authenticator app.
pub(crate) struct Enrolment {
    pub(super) secret: Zeroizing<Vec<u8>>,
    /// The secret in Base32, for typing.
    pub(super) text: String,
    /// The `otpauth` URI.
    pub(super) uri: String,
    /// The URI as a QR code, an SVG image.
    pub(super) qr_code: String,
}

impl Enrolment {
    /// Generates a secret for an account called `account` at `issuer`.
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

/// Finds the time step of a code, if the code is valid for this secret at `now`.
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

/// Names the issuer and the account, without colons: in the URI, a colon separates the two.
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
    fn codes_match_the_examples_of_the_rfc() {
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
    fn the_uri_contains_the_issuer_and_the_account() {
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
