use std::time::Duration as StdDuration;

use mainstay_config::{BaseUrl, Reader};
use time::Duration;

use crate::{ExternalSettings, passkeys::RelyingParty, tokens::LONGEST_LIFETIME};

/// How identity works.
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
    /// How long an API key or a client's secret lives unless its maker says otherwise.
    pub api_key_lifetime: Duration,
    /// How long one may live at most.
    pub api_key_max_lifetime: Duration,
    /// Shortest password of an account without a second factor, in characters.
    pub password_min_length: usize,
    /// Shortest password of an account with one.
    pub password_min_length_with_second_factor: usize,
    /// The URL below which the links in mails lead: the pages that confirm, reset and accept.
    pub pages_url: BaseUrl,
    /// Sign-in elsewhere.
    pub external: ExternalSettings,
    /// What passkeys and authenticator apps know the service by.
    pub relying_party: RelyingParty,
}

impl Settings {
    /// Reads the settings; what is wrong is remembered by `reader`. `issuer` is the URL that clients know the API by.
    pub fn read(reader: &mut Reader, issuer: &BaseUrl) -> Option<Self> {
        let minutes = |minutes: u64| StdDuration::from_secs(minutes * 60);
        let days = |days: u64| minutes(days * 24 * 60);
        let signing_key_lifetime = reader.or(
            "identity.signing_key_lifetime",
            days(30),
            "How old the key that signs access tokens becomes before the service lets another follow it.",
        );

        let access_token_lifetime = reader.or(
            "identity.access_token_lifetime",
            minutes(10),
            "How long an access token is valid.",
        );

        let session_lifetime = reader.or(
            "identity.session_lifetime",
            days(30),
            "How long a session lasts after sign-in, however much it is used.",
        );

        let session_idle_lifetime = reader.or(
            "identity.session_idle_lifetime",
            days(1),
            "How long a session lasts without being used: refreshed, or shown as a cookie.",
        );

        let api_key_lifetime = reader.or(
            "identity.api_key_lifetime",
            days(90),
            "How long an API key or a client's secret lives unless its maker says otherwise.",
        );

        let api_key_max_lifetime = reader.or(
            "identity.api_key_max_lifetime",
            days(400),
            "How long an API key or a client's secret may live at most.",
        );

        for (name, value, least, most) in [
            (
                "identity.signing_key_lifetime",
                signing_key_lifetime,
                minutes(60),
                days(365),
            ),
            (
                "identity.access_token_lifetime",
                access_token_lifetime,
                minutes(1),
                LONGEST_LIFETIME,
            ),
            (
                "identity.session_lifetime",
                session_lifetime,
                minutes(1),
                days(400),
            ),
            (
                "identity.session_idle_lifetime",
                session_idle_lifetime,
                minutes(1),
                days(400),
            ),
            (
                "identity.api_key_max_lifetime",
                api_key_max_lifetime,
                days(1),
                days(400),
            ),
            (
                "identity.api_key_lifetime",
                api_key_lifetime,
                minutes(1),
                api_key_max_lifetime,
            ),
        ] {
            if !(least..=most).contains(&value) {
                reader.refuse(
                    name,
                    format!(
                        "must be from {}m to {}m",
                        least.as_secs() / 60,
                        most.as_secs() / 60
                    ),
                );
            }
        }

        let password_min_length = reader.or(
            "identity.password_min_length",
            15_usize,
            "Shortest password of an account without a second factor, in characters.",
        );

        let password_min_length_with_second_factor = reader.or(
            "identity.password_min_length_with_second_factor",
            8_usize,
            "Shortest password of an account with a second factor, in characters.",
        );

        if !(8..=64).contains(&password_min_length)
            || !(8..=64).contains(&password_min_length_with_second_factor)
        {
            reader.refuse("identity.password_min_length", "must be from 8 to 64");
        }

        let pages_url = reader.or(
            "identity.pages_url",
            issuer.join("account"),
            "The URL below which the links in mails lead: the pages that confirm, reset and accept.",
        );

        let external = ExternalSettings::read(reader, pages_url.as_str());
        let relying_party = RelyingParty::read(reader, issuer.as_str());
        let seconds = |duration: StdDuration| {
            Duration::seconds(i64::try_from(duration.as_secs()).unwrap_or_default())
        };

        Some(Self {
            issuer: issuer.as_str().to_owned(),
            signing_key_lifetime: seconds(signing_key_lifetime),
            access_token_lifetime: seconds(access_token_lifetime),
            session_lifetime: seconds(session_lifetime),
            session_idle_lifetime: seconds(session_idle_lifetime),
            api_key_lifetime: seconds(api_key_lifetime),
            api_key_max_lifetime: seconds(api_key_max_lifetime),
            password_min_length,
            password_min_length_with_second_factor,
            pages_url,
            external,
            relying_party,
        })
    }
}
