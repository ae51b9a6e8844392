//! `key-ring`: the keys that encrypt data.

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
    /// Print a new key ring for MAINSTAY_CRYPTO_KEYS: 32 random bytes and a random name
    ///
    /// The first key of a ring encrypts, the others only decrypt. To rotate: add the new line after
    /// the old one on every replica, move it before the old one on every replica, then run
    /// `key-ring rotate kek` and `key-ring rotate index`.
    Generate(Generate),
    /// Print how much data each key of the ring protects, and which keys are no longer used
    Status(Target),
    /// Rotate a key while the service runs
    #[command(subcommand)]
    Rotate(Rotate),
    /// Re-encrypt rows under new data keys while the service runs
    ///
    /// Use it when data keys may have leaked, for example in a memory dump or in a backup stolen
    /// together with its key ring. An account counts as one row, together with everything else
    /// sealed under its key, such as its sessions and second factors.
    Reseal(rotation::Reseal),
}

#[derive(Subcommand)]
pub(super) enum Rotate {
    /// Re-wrap data keys, and reseal queued jobs, signing keys and tokens, under the first key of
    /// the ring
    Kek(rotation::Move),
    /// Rebuild blind indexes under the first key of the ring, and build missing ones
    Index(rotation::Move),
}

#[derive(Args)]
pub(super) struct Generate {
    /// Wrap the key with Vault, as configured by MAINSTAY_CRYPTO_VAULT_URL and related settings
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
