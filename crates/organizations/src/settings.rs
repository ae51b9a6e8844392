//! The settings for the lifetime of API keys and client secrets.

use std::time::Duration as StdDuration;

use mainstay_config::Reader;
use mainstay_principals::settings::lifetime;
use time::Duration;

/// The lifetime of API keys and client secrets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The lifetime of an API key or a client secret if the request names none.
    pub api_key_lifetime: Duration,
    /// The longest lifetime that a request can name.
    pub api_key_max_lifetime: Duration,
}

impl Settings {
    /// Reads the settings. `reader` collects the errors.
    pub fn read(reader: &mut Reader) -> Self {
        let minute = StdDuration::from_secs(60);
        let days = |days: u32| minute * 60 * 24 * days;

        let api_key_max_lifetime = lifetime(
            reader,
            "identity.api_key_max_lifetime",
            days(400),
            "Maximum lifetime of an API key or a client secret.",
            days(1)..=days(400),
        );
        let api_key_lifetime = lifetime(
            reader,
            "identity.api_key_lifetime",
            days(90),
            "Lifetime of an API key or a client secret if the request names none.",
            minute..=api_key_max_lifetime.unsigned_abs(),
        );

        Self {
            api_key_lifetime,
            api_key_max_lifetime,
        }
    }
}
