//! How long the keys and secrets of an organization's programs live.

use std::time::Duration as StdDuration;

use mainstay_config::Reader;
use mainstay_principals::settings::lifetime;
use time::Duration;

/// How long API keys and client secrets live.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long an API key or a client's secret lives unless its maker says otherwise.
    pub api_key_lifetime: Duration,
    /// How long one may live at most.
    pub api_key_max_lifetime: Duration,
}

impl Settings {
    /// Reads the settings; what is wrong is remembered by `reader`.
    pub fn read(reader: &mut Reader) -> Self {
        let minute = StdDuration::from_secs(60);
        let days = |days: u32| minute * 60 * 24 * days;

        let api_key_max_lifetime = lifetime(
            reader,
            "identity.api_key_max_lifetime",
            days(400),
            "How long an API key or a client's secret may live at most.",
            days(1)..=days(400),
        );
        let api_key_lifetime = lifetime(
            reader,
            "identity.api_key_lifetime",
            days(90),
            "How long an API key or a client's secret lives unless its maker says otherwise.",
            minute..=api_key_max_lifetime.unsigned_abs(),
        );

        Self {
            api_key_lifetime,
            api_key_max_lifetime,
        }
    }
}
