use std::{io::Read as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use mainstay_crypto::Sealed;
use mainstay_identity::{Created, EmailAddress, NewPassword, NewUser, Place, create_user};
use mainstay_kernel::{Random, Runtime};

use super::{connect, say};
use crate::service::hasher;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Make an account that belongs to an organization
    ///
    /// Its password is drawn at random and printed once, unless it comes on standard input.
    Create(Create),
}

#[derive(Args)]
pub(super) struct Create {
    /// How the account signs in
    #[arg(long)]
    email: String,
    /// The organization's id, or the name of a new one
    #[arg(long)]
    organization: String,
    /// The account's role: owner, manager, agent or auditor, or one that the organization made
    #[arg(long, default_value = "owner")]
    role: String,
    /// Read the password from standard input instead of drawing one
    #[arg(long)]
    password_stdin: bool,
    /// The data directory of `dev`, when it is not the usual one
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    let Action::Create(create) = action;
    let email = EmailAddress::parse(&create.email).context("that is not an e-mail address")?;
    let password = if create.password_stdin { given_password()? } else { random_password(&Random::default()) };
    let database = connect::database(create.data_dir.as_deref())?;
    let unscoped = connect::unscoped(&database, "user_create");
    let place = match create.organization.parse() {
        Ok(organization) => Place::Existing(organization),
        Err(_) => Place::New(create.organization),
    };
    let new = NewUser {
        email: Sealed::new(email),
        password: NewPassword::Plain(password.clone().into()),
        place,
        role: create.role,
    };
    let Created { user, organization } = create_user(&unscoped, &hasher(Runtime::default()), new).await?;
    say(&format!("user          {user}"));
    if let Some(organization) = organization {
        say(&format!("organization  {organization}"));
    }
    if !create.password_stdin {
        say(&format!("password      {password}   (shown this once)"));
    }
    Ok(ExitCode::SUCCESS)
}

fn given_password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    anyhow::ensure!(password.chars().count() >= 15, "a password has at least 15 characters");
    Ok(password)
}

/// 144 random bits, as text that can be typed.
pub(super) fn random_password(random: &Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<18>())
}
