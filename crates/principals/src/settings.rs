//! The settings of tokens and sessions.

use std::time::Duration as StdDuration;

use mainstay_config::{BaseUrl, Reader};
use time::Duration;

use crate::signing::schedule::LONGEST_LIFETIME;

/// The settings of tokens and sessions.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The API's public URL: issuer and audience of its access tokens.
    pub issuer: String,
    /// The age at which the key that signs access tokens is replaced.
    pub signing_key_lifetime: Duration,
    /// How long an access token is valid.
    pub access_token_lifetime: Duration,
    /// How long a session lasts after sign-in, regardless of use.
    pub session_lifetime: Duration,
    /// How long a session lasts without being used.
    pub session_idle_lifetime: Duration,
}

impl Settings {
    /// Reads the settings. `reader` collects the errors. `issuer` is the API's public URL.
    pub fn read(reader: &mut Reader, issuer: &BaseUrl) -> Self {
        let minutes = |minutes: u64| StdDuration::from_secs(minutes * 60);
        let days = |days: u64| minutes(days * 24 * 60);

        let signing_key_lifetime = lifetime(
            reader,
            "identity.signing_key_lifetime",
            days(30),
            "Age at which the key that signs access tokens is replaced.",
            minutes(60)..=days(365),
        );
        let access_token_lifetime = lifetime(
            reader,
            "identity.access_token_lifetime",
            minutes(10),
            "How long an access token is valid.",
            minutes(1)..=LONGEST_LIFETIME,
        );
        let session_lifetime = lifetime(
            reader,
            "identity.session_lifetime",
            days(30),
            "How long a session lasts after sign-in, regardless of use.",
            minutes(1)..=days(400),
        );
        let session_idle_lifetime = lifetime(
            reader,
            "identity.session_idle_lifetime",
            days(1),
            "How long a session lasts without use. A refresh and a request with the cookie are uses.",
            minutes(1)..=days(400),
        );

        Self {
            issuer: issuer.as_str().to_owned(),
            signing_key_lifetime,
            access_token_lifetime,
            session_lifetime,
            session_idle_lifetime,
        }
    }
}

/// Reads a duration. `reader` collects an error if it is outside `allowed`.
pub fn lifetime(
    reader: &mut Reader,
    name: &'static str,
    fallback: StdDuration,
    help: &'static str,
    allowed: std::ops::RangeInclusive<StdDuration>,
) -> Duration {
    let value = reader.or(name, fallback, help);

    if !allowed.contains(&value) {
        let (least, most) = (allowed.start().as_secs() / 60, allowed.end().as_secs() / 60);
        reader.refuse(name, format!("must be from {least}m to {most}m"));
    }

    Duration::seconds(i64::try_from(value.as_secs()).unwrap_or_default())
}
