//! What is known of a running `dev`, and what its data directory is sealed with.

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

/// What a person or a script needs to know of a running `dev`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(super) url: String,
    pub(super) docs_url: String,
    /// Where mail is shown, unless it goes to a server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mail_url: Option<String>,
    pub(super) management_url: String,
    /// As the role that serves.
    pub(super) database_url: String,
    /// As the role that owns the schema.
    pub(super) database_owner_url: String,
    pub(super) data_dir: PathBuf,
    pub(super) admin: Administrator,
    #[serde(skip, default = "nowhere")]
    pub(super) management_address: SocketAddr,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Administrator {
    pub(super) email: String,
    pub(super) password: String,
}

/// What a data directory's service is sealed with, made once. Earlier versions wrote a signing key too, which is not read.
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
            "\n  API          {url}\n  Docs         {docs_url}{mail}\n  Health       {management_url}/readyz\n  \
             Sign in as   {email}\n  Password     {password}\n  Data         {data_dir}\n\n  Ctrl-C stops everything.\n",
            email = admin.email,
            password = admin.password,
        )
    }
}

impl Secrets {
    /// Those of a data directory; fresh ones when it has none yet.
    pub(super) fn of(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join(SECRETS);
        if let Some(secrets) = read(&path)? {
            return Ok(secrets);
        }
        let secrets = Self::fresh();
        write(&path, &secrets)?;
        Ok(secrets)
    }

    fn fresh() -> Self {
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

/// The settings of the `dev` that runs on a data directory, if one does: those of its service, and its owner's URL.
pub(crate) fn running(data_dir: Option<&Path>) -> anyhow::Result<Option<Layer>> {
    let data_dir = super::data_dir::data_dir(data_dir)?;
    let Some(facts) = read::<Facts>(&data_dir.join(RUNNING))? else {
        return Ok(None);
    };
    let mut running = layer(&Secrets::of(&data_dir)?, facts.database_url);
    running.push((OWNER_URL.0, facts.database_owner_url));
    Ok(Some(running))
}

/// The settings that follow from a data directory's secrets.
pub(super) fn layer(secrets: &Secrets, database_url: String) -> Layer {
    vec![
        ("environment", "development".to_owned()),
        ("database.url", database_url),
        ("crypto.keys", secrets.crypto_keys.clone()),
    ]
}

/// Settings of no data directory, by which the rest of the settings are checked before there is one.
pub(super) fn layer_of_none() -> Layer {
    let nowhere = "postgres://nobody@localhost/none?sslmode=verify-full".to_owned();
    layer(&Secrets::fresh(), nowhere)
}

/// Writes JSON that only its owner may read, whole or not at all.
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

/// Removes a file, if it is there.
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

fn nowhere() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 0))
}
