//! How tokens and sessions work.

use std::time::Duration as StdDuration;

use mainstay_config::{BaseUrl, Reader};
use time::Duration;

use crate::signing::schedule::LONGEST_LIFETIME;

/// How tokens and sessions work.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The URL that clients know the API by: issuer and audience of its access tokens.
    pub issuer: String,
    /// How old the key that signs access tokens becomes before another follows it.
    pub signing_key_lifetime: Duration,
    /// How long an access token is valid.
    pub access_token_lifetime: Duration,
    /// How long a session lasts after sign-in, however much it is used.
    pub session_lifetime: Duration,
    /// How long a session lasts without being used.
    pub session_idle_lifetime: Duration,
}

impl Settings {
    /// Reads the settings; what is wrong is remembered by `reader`. `issuer` is the URL that clients know the API by.
    pub fn read(reader: &mut Reader, issuer: &BaseUrl) -> Self {
        let minutes = |minutes: u64| StdDuration::from_secs(minutes * 60);
        let days = |days: u64| minutes(days * 24 * 60);

        let signing_key_lifetime = lifetime(
            reader,
            "identity.signing_key_lifetime",
            days(30),
            "How old the key that signs access tokens becomes before the service lets another follow it.",
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
            "How long a session lasts after sign-in, however much it is used.",
            minutes(1)..=days(400),
        );
        let session_idle_lifetime = lifetime(
            reader,
            "identity.session_idle_lifetime",
            days(1),
            "How long a session lasts without being used: refreshed, or shown as a cookie.",
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

/// Reads how long something lasts; `reader` remembers when it is not within `allowed`.
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
