//! The settings of a serving process.

use mainstay_config::{ConfigError, Environment, Reader, reference};
use mainstay_crypto::KeyRing;

use crate::key_source::{self, VaultSettings};
use crate::retention::RetentionSettings;

/// All settings of `serve` and `worker`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Production by default.
    pub environment: Environment,
    /// Logs, traces and metrics.
    pub telemetry: mainstay_telemetry::Settings,
    /// HTTP.
    pub http: mainstay_http::Settings,
    /// Postgres.
    pub database: mainstay_database::Settings,
    /// The key ring that seals personal data.
    pub keys: KeyRing,
    /// Sign-in.
    pub identity: crate::identity::IdentitySettings,
    /// Jobs.
    pub jobs: mainstay_jobs::Settings,
    /// Mail.
    pub mail: mainstay_mail::Settings,
    /// Watch rules over the audit log.
    pub watch: mainstay_watch::Settings,
    /// Sealing of the audit log.
    pub audit: mainstay_audit::Settings,
    /// Retention periods.
    pub retention: RetentionSettings,
}

impl Settings {
    /// Reads every setting.
    ///
    /// # Errors
    /// All problems, reported together.
    pub fn read(reader: &mut Reader) -> Result<Self, ConfigError> {
        let environment = reader.environment();
        let telemetry = mainstay_telemetry::Settings::read(reader);
        let http = mainstay_http::Settings::read(reader);
        let database = mainstay_database::Settings::read(reader);
        let keys = keys(reader);
        let identity = crate::identity::IdentitySettings::read(reader, &http.public_url);
        let jobs = mainstay_jobs::Settings::read(reader);
        let mail = mainstay_mail::Settings::read(reader);
        let watch = mainstay_watch::Settings::read(reader);
        let audit = mainstay_audit::Settings::read(reader, http.public_url.as_str());
        let retention = RetentionSettings::read(reader);

        let settings = (|| {
            Some(Self {
                environment,
                telemetry,
                http,
                database: database?,
                keys: keys?,
                identity,
                jobs,
                mail: mail?,
                watch,
                audit: audit?,
                retention,
            })
        })();

        reader.complete(settings)
    }
}

/// The Markdown table of all settings in `docs/configuration.md`.
pub fn settings_reference() -> String {
    let mut reader = Reader::new([]);
    reader.optional_secret(OWNER_URL.0, OWNER_URL.1);
    // Required settings are missing here, but are listed anyway.
    drop(Settings::read(&mut reader));
    reference(reader.entries())
}

/// Name and description of the setting for the owner's database URL.
pub(crate) const OWNER_URL: (&str, &str) = (
    "database.owner_url",
    "Postgres URL of the schema's owner, for `migrate` and operator commands; `serve` refuses to start with it.",
);

const KEYS: (&str, &str) = (
    "crypto.keys",
    "Key ring that seals personal data, as `key-ring generate` prints it; its keys may be wrapped by Vault.",
);

/// Reads the key ring and unwraps its keys. `reader` collects the errors.
pub(crate) fn keys(reader: &mut Reader) -> Option<KeyRing> {
    let vault = VaultSettings::read(reader);
    let text = reader.secret(KEYS.0, KEYS.1)?;

    let unwrapped = key_source::unwrap(&text, vault.as_ref()).map_err(|error| error.to_string());
    let ring = unwrapped.and_then(|text| KeyRing::parse(&text).map_err(|error| error.to_string()));
    ring.map_err(|why| reader.refuse(KEYS.0, why)).ok()
}
