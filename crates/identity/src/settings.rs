use std::time::Duration as StdDuration;

use mainstay_config::Reader;
use time::Duration;

use crate::{SigningKey, TokenKeys};

/// How identity works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What signs access tokens.
    pub keys: TokenKeys,
    /// How long a session lasts after sign-in.
    pub session_lifetime: Duration,
}

impl Settings {
    /// Reads the settings; what is wrong is remembered by `reader`. `issuer` is the URL that clients know the API by.
    pub fn read(reader: &mut Reader, issuer: &str) -> Option<Self> {
        let hours = |hours: u64| StdDuration::from_secs(hours * 3_600);
        let secret = reader.secret("identity.signing_key", "Ed25519 key that signs access tokens, PKCS#8 in PEM.");
        let session_lifetime =
            reader.or("identity.session_lifetime", hours(8), "How long a session lasts after sign-in.");
        if !(StdDuration::from_secs(60)..=hours(24 * 30)).contains(&session_lifetime) {
            reader.refuse("identity.session_lifetime", "must be from 1m to 30d");
        }
        let session_lifetime = Duration::seconds(i64::try_from(session_lifetime.as_secs()).unwrap_or_default());
        match SigningKey::from_pem(&secret?) {
            Ok(key) => Some(Self { keys: TokenKeys::new(key, issuer), session_lifetime }),
            Err(error) => {
                reader.refuse("identity.signing_key", error.to_string());
                None
            }
        }
    }
}
