//! `key-ring`: the keys that seal data, and what stands under each.

mod rotation;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use mainstay_config::Reader;
use mainstay_crypto::KeyRing;
use mainstay_kernel::{ExposeSecret as _, Random};

use super::{output::say, target::Target};
use crate::{Platform, key_source};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Print a fresh key ring for MAINSTAY_CRYPTO_KEYS: 32 random bytes under a random name
    ///
    /// The first key of a ring seals, the others only open. To rotate, put a fresh line behind the old one on every
    /// replica, then before it on every replica, then `key-ring rotate kek` and `key-ring rotate index`.
    Generate(Generate),
    /// Print what stands under each key of the ring, and which keys nothing needs any more
    Status(Target),
    /// Move to another key, while the service runs
    #[command(subcommand)]
    Rotate(Rotate),
    /// Give rows a new data key, and seal their values under it, while the service runs
    ///
    /// For a data key that somebody else may have: a memory dump, a backup that was stolen with its ring. An account
    /// counts as one row, with its sessions, second factors and everything else that is sealed under its key.
    Reseal(rotation::Reseal),
}

#[derive(Subcommand)]
pub(super) enum Rotate {
    /// Wrap every data key, and seal every job, signing key and token that waits, under the first key of the ring
    Kek(rotation::Move),
    /// Make every blind index under the first key of the ring, and those that were never made
    Index(rotation::Move),
}

#[derive(Args)]
pub(super) struct Generate {
    /// Let Vault wrap the key: MAINSTAY_CRYPTO_VAULT_URL and the settings beside it say where
    #[arg(long)]
    vault: bool,
}

pub(super) async fn run(platform: &Platform, action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::Generate(Generate { vault }) => generate(vault).map(|()| ExitCode::SUCCESS),
        Action::Status(target) => rotation::status(platform, &target).await,
        Action::Rotate(Rotate::Kek(how)) => rotation::rotate_keys(platform, &how).await,
        Action::Rotate(Rotate::Index(how)) => rotation::rotate_indexes(platform, &how).await,
        Action::Reseal(how) => rotation::reseal(platform, &how).await,
    }
}

fn generate(vault: bool) -> anyhow::Result<()> {
    let mut ring = KeyRing::generate(&Random::default());
    if vault {
        ring = key_source::wrap(&mut Reader::of_process(), &ring)?;
    }
    say(ring.expose_secret().trim_end());
    Ok(())
}
