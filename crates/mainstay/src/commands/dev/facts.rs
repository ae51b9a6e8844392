//! The facts about a running `dev`, and the keys that seal its data directory.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use mainstay_crypto::KeyRing;
use mainstay_kernel::{ExposeSecret as _, Random};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{commands::random_password::random_password, settings::OWNER_URL};

/// URLs and credentials of a running `dev`, for people and scripts.
#[derive(Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(super) url: String,
    pub(super) docs_url: String,
    /// URL of the mailbox page; `None` if mail goes to a server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mail_url: Option<String>,
    pub(super) management_url: String,
    /// URL for the role that the service uses.
    pub(super) database_url: String,
    /// URL for the role that owns the schema.
    pub(super) database_owner_url: String,
    pub(super) data_dir: PathBuf,
    pub(super) admin: Administrator,
    #[serde(skip, default = "unspecified_address")]
    pub(super) management_address: SocketAddr,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Administrator {
    pub(super) email: String,
    pub(super) password: String,
}

/// Secrets of a data directory, generated once. A signing key written by earlier versions is
/// ignored.
#[derive(Serialize, Deserialize)]
pub(crate) struct Secrets {
    pub(super) crypto_keys: String,
    pub(super) email: String,
    pub(super) password: String,
}

/// Settings, by dotted name.
pub(super) type Layer = Vec<(&'static str, String)>;

const SECRETS: &str = "service.json";
const RUNNING: &str = "running.json";

impl Facts {
    pub(super) fn banner(&self) -> String {
        let Self {
            url,
            docs_url,
            mail_url,
            management_url,
            admin,
            data_dir,
            ..
        } = self;

        let data_dir = data_dir.display();
        let mail = mail_url
            .as_ref()
            .map(|url| format!("\n  Mail         {url}"))
            .unwrap_or_default();

        format!(
            r"
  API          {url}
  Docs         {docs_url}{mail}
  Health       {management_url}/readyz
  Sign in as   {email}
  Password     {password}
  Data         {data_dir}

  Ctrl-C stops everything.
",
            email = admin.email,
            password = admin.password,
        )
    }
}

impl Secrets {
    /// Reads the secrets of a data directory; generates them on first use.
    pub(super) fn of(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(SECRETS);
        if let Some(secrets) = read(&path)? {
            return Ok(secrets);
        }

        let secrets = Self::generate();
        write(&path, &secrets)?;

        Ok(secrets)
    }

    fn generate() -> Self {
        let random = Random::default();
        Self {
            crypto_keys: KeyRing::generate(&random).expose_secret().to_owned(),
            email: "admin@example.com".to_owned(),
            password: random_password(&random),
        }
    }
}

pub(super) fn note_running(data_dir: &Path, facts: &Facts) -> anyhow::Result<()> {
    write(&data_dir.join(RUNNING), facts)
}

pub(super) fn forget_running(data_dir: &Path) -> anyhow::Result<()> {
    remove(&data_dir.join(RUNNING))
}

/// The settings of the `dev` running on a data directory, including the owner's URL; `None` if none
/// is running.
pub(crate) fn running(data_dir: Option<&Path>) -> anyhow::Result<Option<Layer>> {
    let data_dir = super::data_dir::data_dir(data_dir)?;
    let Some(facts) = read::<Facts>(&data_dir.join(RUNNING))? else {
        return Ok(None);
    };

    let mut running = layer(&Secrets::of(&data_dir)?, facts.database_url);
    running.push((OWNER_URL.0, facts.database_owner_url));
    Ok(Some(running))
}

/// Settings derived from a data directory's secrets.
pub(super) fn layer(secrets: &Secrets, database_url: String) -> Layer {
    vec![
        ("environment", "development".to_owned()),
        ("database.url", database_url),
        ("crypto.keys", secrets.crypto_keys.clone()),
    ]
}

/// Placeholder settings, to check all other settings before the data directory exists.
pub(super) fn placeholder_layer() -> Layer {
    let database_url = "postgres://placeholder@localhost/none?sslmode=verify-full".to_owned();
    layer(&Secrets::generate(), database_url)
}

/// Writes JSON atomically to a file that only its owner may read.
pub(super) fn write(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let failed = || format!("cannot write {}", path.display());

    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(&unfinished)
        .with_context(failed)?;

    file.write_all(&serde_json::to_vec_pretty(value)?)
        .and_then(|()| file.sync_all())
        .with_context(failed)?;

    fs::rename(&unfinished, path).with_context(failed)
}

/// Removes a file if it exists.
pub(super) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).context(format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .with_context(|| format!("cannot read {}", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn unspecified_address() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}
