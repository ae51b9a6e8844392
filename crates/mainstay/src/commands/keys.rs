use std::process::ExitCode;

use clap::Subcommand;
use mainstay_crypto::KeyRing;
use mainstay_identity::SigningKey;
use mainstay_kernel::{ExposeSecret as _, Random};

use super::say;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Print a fresh key ring for MAINSTAY_CRYPTO_KEYS: 32 random bytes under a random name
    ///
    /// The first key of a ring seals, the others only open: to rotate, put a fresh line before the old ones.
    Generate,
    /// Print a fresh Ed25519 key for MAINSTAY_IDENTITY_SIGNING_KEY (PKCS#8, PEM)
    GenerateSigning,
}

pub(super) fn run(action: &Action) -> anyhow::Result<ExitCode> {
    let key = match action {
        Action::Generate => KeyRing::generate(&Random::default()),
        Action::GenerateSigning => SigningKey::generate()?,
    };
    say(key.expose_secret().trim_end());
    Ok(ExitCode::SUCCESS)
}
