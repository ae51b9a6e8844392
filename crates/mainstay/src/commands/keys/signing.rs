use std::process::ExitCode;

use crate::identity::{
    Begin, KeyInfo, KeyState, list_signing_keys, retire_signing_key, rotate_signing_keys,
};
use anyhow::Context as _;
use clap::Args;
use mainstay_database::{Error, Unscoped};
use mainstay_kernel::Timestamp;

use super::{
    super::{
        connect::{self, Place},
        say,
    },
    told,
};

#[derive(Args)]
pub(crate) struct Rotate {
    /// Sign with the new key at once: others who verify tokens may refuse its first ones for five minutes
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(crate) struct Retire {
    /// Which key, as `keys list` shows it
    kid: String,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn rotate(rotate: &Rotate) -> anyhow::Result<ExitCode> {
    let unscoped = open(&rotate.place, "keys_rotate_token")?;
    let begin = if rotate.now {
        Begin::Now
    } else {
        Begin::Announced
    };
    let kid = rotate_signing_keys(&unscoped, begin).await.map_err(told)?;
    say(&kid.context("another key was made at the same moment")?);
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn retire(retire: &Retire) -> anyhow::Result<ExitCode> {
    let unscoped = open(&retire.place, "keys_retire")?;
    match retire_signing_key(&unscoped, &retire.kid).await {
        Ok(Some(kid)) => say(&format!("retired; {kid} signs from now on")),
        Ok(None) => say("retired"),
        Err(Error::NotFound) => anyhow::bail!("there is no such key: see `keys list`"),
        Err(error) => return Err(told(error)),
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn list(place: &Place) -> anyhow::Result<ExitCode> {
    let unscoped = open(place, "keys_list")?;
    let (keys, unreadable) = list_signing_keys(&unscoped).await.map_err(told)?;
    say(&format!(
        "{:43}  {:10}  {:20}  {:20}  {:20}  IN THE AUDIT LOG",
        "KID", "STATE", "MADE", "SIGNS FROM", "ENDS"
    ));
    keys.iter().for_each(|key| say(&line(key)));
    unreadable
        .iter()
        .for_each(|kid| say(&format!("{kid}  unreadable: the key ring does not open it")));
    Ok(ExitCode::SUCCESS)
}

fn line(key: &KeyInfo) -> String {
    let state = match key.state {
        KeyState::Announced => "announced",
        KeyState::Signing => "signing",
        KeyState::Verifying => "verifying",
    };
    let ends = key.retires_at.map_or("-".to_owned(), seconds);
    let (made, signs) = (seconds(key.created_at), seconds(key.signs_from));
    format!(
        "{}  {state:10}  {made:20}  {signs:20}  {ends:20}  {}",
        key.kid, key.audit_id
    )
}

/// A moment without its fraction of a second.
fn seconds(moment: Timestamp) -> String {
    let text = moment.to_string();
    text.split_once('.')
        .map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

fn open(place: &Place, command: &'static str) -> anyhow::Result<Unscoped> {
    Ok(connect::unscoped(&place.database()?, command))
}
