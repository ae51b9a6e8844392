//! `signing-key`: the keys that sign access tokens.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mainstay_database::{Error, Sql};
use mainstay_kernel::Timestamp;

use super::{
    output::say,
    target::{self, Target},
    with_cause::with_cause,
};
use crate::identity::{
    Begin, KeyInfo, KeyState, list_signing_keys, retire_signing_key, rotate_signing_keys,
};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the keys that sign access tokens, with their state and expiry
    List(Target),
    /// Create a new key for access tokens; tokens signed by earlier keys stay valid
    ///
    /// The service rotates this key automatically. The new key signs after ten minutes, when every
    /// verifier has it.
    Rotate(Rotate),
    /// Revoke a key that signs access tokens; every token that it signed is refused within a second
    ///
    /// Use it when the key may have leaked. If it is the current signing key, a new key signs at
    /// once.
    Retire(Retire),
}

#[derive(Args)]
pub(super) struct Rotate {
    /// Sign with the new key at once; other verifiers may refuse its tokens for up to five minutes
    #[arg(long)]
    now: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Retire {
    /// ID of the key, from `signing-key list`
    kid: String,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(target) => list(&target).await,
        Action::Rotate(rotate) => self::rotate(&rotate).await,
        Action::Retire(retire) => self::retire(&retire).await,
    }
}

async fn rotate(rotate: &Rotate) -> anyhow::Result<ExitCode> {
    let sql = open(&rotate.target, "signing_key_rotate")?;
    let begin = if rotate.now {
        Begin::Now
    } else {
        Begin::Announced
    };
    let kid = rotate_signing_keys(&sql, begin).await.map_err(with_cause)?;
    say(&kid.context("another key was created at the same time: see `signing-key list`")?);

    Ok(ExitCode::SUCCESS)
}

async fn retire(retire: &Retire) -> anyhow::Result<ExitCode> {
    let sql = open(&retire.target, "signing_key_retire")?;

    match retire_signing_key(&sql, &retire.kid).await {
        Ok(Some(kid)) => say(&format!("retired; {kid} signs from now on")),
        Ok(None) => say("retired"),
        Err(Error::NotFound) => anyhow::bail!("no such key: see `signing-key list`"),
        Err(error) => return Err(with_cause(error)),
    }

    Ok(ExitCode::SUCCESS)
}

async fn list(target: &Target) -> anyhow::Result<ExitCode> {
    let sql = open(target, "signing_key_list")?;
    let (keys, unreadable) = list_signing_keys(&sql).await.map_err(with_cause)?;

    say(&format!(
        "{:43}  {:10}  {:20}  {:20}  {:20}  AUDIT ID",
        "KID", "STATE", "CREATED", "SIGNS FROM", "RETIRES"
    ));
    keys.iter().for_each(|key| say(&line(key)));

    for kid in &unreadable {
        say(&format!(
            "{kid}  unreadable: the key ring cannot decrypt it"
        ));
    }

    Ok(ExitCode::SUCCESS)
}

fn line(key: &KeyInfo) -> String {
    let state = match key.state {
        KeyState::Announced => "announced",
        KeyState::Signing => "signing",
        KeyState::Verifying => "verifying",
    };
    let retires = key.retires_at.map_or("-".to_owned(), seconds);
    let (created, signs) = (seconds(key.created_at), seconds(key.signs_from));

    format!(
        "{}  {state:10}  {created:20}  {signs:20}  {retires:20}  {}",
        key.kid, key.audit_id
    )
}

/// Formats a timestamp without fractions of a second.
fn seconds(moment: Timestamp) -> String {
    let text = moment.to_string();
    text.split_once('.')
        .map_or(text.clone(), |(whole, _)| format!("{whole}Z"))
}

fn open(target: &Target, command: &'static str) -> anyhow::Result<Sql> {
    Ok(target::sql(&target.database()?, command))
}
