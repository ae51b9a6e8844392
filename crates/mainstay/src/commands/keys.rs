use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mainstay_crypto::KeyRing;
use mainstay_database::{Error, Unscoped};
use mainstay_identity::{Begin, KeyInfo, KeyState, list_signing_keys, retire_signing_key, rotate_signing_keys};
use mainstay_kernel::{ExposeSecret as _, Random, Timestamp};

use super::{connect, say};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Print a fresh key ring for MAINSTAY_CRYPTO_KEYS: 32 random bytes under a random name
    ///
    /// The first key of a ring seals, the others only open: to rotate, put a fresh line before the old ones.
    Generate,
    /// Print the keys that sign access tokens: what each does, and until when
    List(Place),
    /// Let a new key sign access tokens; what the others have signed stays valid
    ///
    /// The service does this by itself in time. The new key signs ten minutes from now, when everybody knows it.
    Rotate(Rotate),
    /// Refuse a key that signs access tokens, and every token that it signed, within a second
    ///
    /// For a key that somebody else may have. If it signed, a new one does at once.
    Retire(Retire),
}

#[derive(Args)]
pub(super) struct Place {
    /// The data directory of `dev`, when it is not the usual one
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Rotate {
    /// Sign with the new key at once: others who verify tokens may refuse its first ones for five minutes
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Retire {
    /// Which key, as `keys list` shows it
    kid: String,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::Generate => say(KeyRing::generate(&Random::default()).expose_secret().trim_end()),
        Action::List(place) => list(&place).await?,
        Action::Rotate(rotate) => {
            let unscoped = open(&rotate.place, "keys_rotate")?;
            let begin = if rotate.now { Begin::Now } else { Begin::Announced };
            let kid = rotate_signing_keys(&unscoped, begin).await.map_err(told)?;
            say(&kid.context("another key was made at the same moment")?);
        }
        Action::Retire(retire) => {
            let unscoped = open(&retire.place, "keys_retire")?;
            match retire_signing_key(&unscoped, &retire.kid).await {
                Ok(Some(kid)) => say(&format!("retired; {kid} signs from now on")),
                Ok(None) => say("retired"),
                Err(Error::NotFound) => anyhow::bail!("there is no such key: see `keys list`"),
                Err(error) => return Err(told(error)),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(place: &Place) -> anyhow::Result<()> {
    let unscoped = open(place, "keys_list")?;
    let (keys, unreadable) = list_signing_keys(&unscoped).await.map_err(told)?;
    say(&format!("{:43}  {:10}  {:20}  {:20}  {:20}  IN THE AUDIT LOG", "KID", "STATE", "MADE", "SIGNS FROM", "ENDS"));
    keys.iter().for_each(|key| say(&line(key)));
    unreadable.iter().for_each(|kid| say(&format!("{kid}  unreadable: the key ring does not open it")));
    Ok(())
}

fn line(key: &KeyInfo) -> String {
    let state = match key.state {
        KeyState::Announced => "announced",
        KeyState::Signing => "signing",
        KeyState::Verifying => "verifying",
    };
    let ends = key.retires_at.map_or("-".to_owned(), seconds);
    let (made, signs) = (seconds(key.created_at), seconds(key.signs_from));
    format!("{}  {state:10}  {made:20}  {signs:20}  {ends:20}  {}", key.kid, key.audit_id)
}

/// A moment without its fraction of a second.
fn seconds(moment: Timestamp) -> String {
    let text = moment.to_string();
    text.split_once('.').map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

fn open(place: &Place, command: &'static str) -> anyhow::Result<Unscoped> {
    Ok(connect::unscoped(&connect::database(place.data_dir.as_deref())?, command))
}

/// The cause too: an operator may know it.
fn told(error: Error) -> anyhow::Error {
    let cause = error.cause().map(|cause| format!(": {cause}")).unwrap_or_default();
    anyhow::anyhow!("{error}{cause}")
}
