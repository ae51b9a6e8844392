//! The settings of a serving process.

use mainstay_config::{ConfigError, Environment, Reader, reference};
use mainstay_crypto::KeyRing;

use crate::key_source::{self, VaultSettings};
use crate::retention::RetentionSettings;

/// Everything that a serving process is told.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Production, unless it says otherwise.
    pub environment: Environment,
    /// Logs, traces and metrics.
    pub telemetry: mainstay_telemetry::Settings,
    /// HTTP.
    pub http: mainstay_http::Settings,
    /// Postgres.
    pub database: mainstay_database::Settings,
    /// What personal data is sealed with.
    pub keys: KeyRing,
    /// Sign-in.
    pub identity: crate::identity::IdentitySettings,
    /// Queued work.
    pub jobs: mainstay_jobs::Settings,
    /// Mail.
    pub mail: mainstay_mail::Settings,
    /// What is looked for in the audit log.
    pub watch: mainstay_watch::Settings,
    /// The seal over the audit log.
    pub audit: mainstay_audit::Settings,
    /// How long rows are kept.
    pub retention: RetentionSettings,
}

impl Settings {
    /// Reads every setting.
    ///
    /// # Errors
    /// All that is wrong, at once.
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

/// Every setting with its default and meaning, as a Markdown table: what `docs/configuration.md` shows.
pub fn settings_reference() -> String {
    let mut reader = Reader::new([]);
    reader.optional_secret(OWNER_URL.0, OWNER_URL.1);
    // Required ones are missing here; they are listed all the same.
    drop(Settings::read(&mut reader));
    reference(reader.entries())
}

/// Where `migrate` finds the database, and what that means.
pub(crate) const OWNER_URL: (&str, &str) = (
    "database.owner_url",
    "Postgres as the role that owns the schema; read by `migrate` and by operator commands, refused by `serve`.",
);

const KEYS: (&str, &str) = (
    "crypto.keys",
    "Key ring that seals personal data, as `key-ring generate` prints it; its keys may be wrapped by Vault.",
);

/// The key ring, its keys unwrapped; what is wrong with its text, or with where its keys come from, is remembered by
/// `reader`.
pub(crate) fn keys(reader: &mut Reader) -> Option<KeyRing> {
    let vault = VaultSettings::read(reader);
    let text = reader.secret(KEYS.0, KEYS.1)?;
    let unwrapped = key_source::unwrap(&text, vault.as_ref()).map_err(|error| error.to_string());
    let ring = unwrapped.and_then(|text| KeyRing::parse(&text).map_err(|error| error.to_string()));
    ring.map_err(|why| reader.refuse(KEYS.0, why)).ok()
}
