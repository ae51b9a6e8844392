//! `user`: makes, shows, deactivates, activates and deletes accounts.

use std::{io::Read as _, process::ExitCode};

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use mainstay_crypto::Sealed;
use mainstay_database::Unscoped;
use mainstay_kernel::{Random, Runtime, one_line};

use super::{
    output::say,
    random_password,
    target::{self, Target},
};
use crate::{
    hasher::hasher,
    identity::{
        CreatedAccount, EmailAddress, Membership, NewPassword, NewUser, OrganizationName, Strength,
        UserSummary, create_user, delete_account, find_user, reset_second_factors, set_active,
    },
};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Make an account that belongs to an organization
    ///
    /// Its password is drawn at random and printed once, unless it comes on standard input.
    Create(Create),
    /// Show an account
    Show(Who),
    /// Deactivate an account: it is signed out everywhere and cannot sign in
    Deactivate(Who),
    /// Activate a deactivated account again
    Activate(Who),
    /// Delete an account, and the key to its personal data with it
    Delete(Who),
    /// Take every second factor from an account, for a person who has lost theirs; first make sure who it is
    ResetSecondFactors(Who),
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
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Who {
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    target: Target,
}

/// The account that a command is about, spelt alike by all of them.
#[derive(Args)]
pub(super) struct Account {
    /// The account: its e-mail address or its id
    #[arg(value_name = "USER")]
    user: String,
}

impl Account {
    /// Finds it.
    pub(super) async fn find(&self, unscoped: &Unscoped) -> anyhow::Result<UserSummary> {
        find(unscoped, &self.user).await
    }
}

/// The account that an operator means, by its address or id.
pub(super) async fn find(unscoped: &Unscoped, who: &str) -> anyhow::Result<UserSummary> {
    find_user(unscoped, who)
        .await?
        .with_context(|| format!("there is no account {who}"))
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::Create(new) => create(new).await?,
        Action::Show(Who { account, target }) => {
            show(
                &account
                    .find(&target::unscoped(&target.database()?, "user_show"))
                    .await?,
            );
        }
        Action::Deactivate(Who { account, target }) => {
            let unscoped = target::unscoped(&target.database()?, "user_deactivate");
            let found = account.find(&unscoped).await?;
            let changed = set_active(&unscoped, found.id, false, None).await?;
            ensure!(
                changed,
                "the account is deactivated already, or an organization would be left without an owner"
            );
            say(&format!("{} is deactivated", found.id));
        }
        Action::Activate(Who { account, target }) => {
            let unscoped = target::unscoped(&target.database()?, "user_activate");
            let found = account.find(&unscoped).await?;
            ensure!(
                set_active(&unscoped, found.id, true, None).await?,
                "the account is active already"
            );
            say(&format!("{} is active", found.id));
        }
        Action::Delete(Who { account, target }) => {
            let unscoped = target::unscoped(&target.database()?, "user_delete");
            let found = account.find(&unscoped).await?;
            let deleted = delete_account(&unscoped, found.id, None).await?;
            ensure!(deleted, "an organization would be left without an owner");
            say(&format!("{} is deleted", found.id));
        }
        Action::ResetSecondFactors(Who { account, target }) => {
            let unscoped = target::unscoped(&target.database()?, "user_reset_second_factors");
            let found = account.find(&unscoped).await?;
            ensure!(
                reset_second_factors(&unscoped, found.id).await?,
                "the account has no second factor"
            );
            say(&format!("{} signs in without a second factor", found.id));
        }
    }

    Ok(ExitCode::SUCCESS)
}

async fn create(new: Create) -> anyhow::Result<()> {
    let email = EmailAddress::parse(&new.email).context("that is not an e-mail address")?;
    let password = if new.password_stdin {
        given_password(&new.email)?
    } else {
        random_password::random_password(&Random::default())
    };

    let unscoped = target::unscoped(&new.target.database()?, "user_create");

    let home = match new.organization.parse() {
        Ok(organization) => Membership::Existing(organization),
        Err(_) => Membership::New(
            OrganizationName::parse(&new.organization).context("the organization's name")?,
        ),
    };

    let user = NewUser {
        email: Sealed::new(email),
        password: NewPassword::Plain(password.clone().into()),
        membership: home,
        role: new.role,
    };

    let CreatedAccount { user, organization } =
        create_user(&unscoped, &hasher(Runtime::default()), user).await?;
    say(&format!("user          {user}"));

    if let Some(organization) = organization {
        say(&format!("organization  {organization}"));
    }

    if !new.password_stdin {
        say(&format!("password      {password}   (shown this once)"));
    }

    Ok(())
}

fn show(user: &UserSummary) {
    let yes = |it| if it { "yes" } else { "no" };
    say(&format!("user           {}", user.id));
    if let Some(name) = &user.name {
        say(&format!("name           {}", one_line(name)));
    }
    say(&format!("active         {}", yes(user.active)));
    say(&format!("second factor  {}", yes(user.second_factor)));
    say(&format!("since          {}", user.created_at));
    for place in &user.memberships {
        say(&format!("belongs to     {}", one_line(place)));
    }
}

fn given_password(email: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;

    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    ensure!(
        password.chars().count() >= 15,
        "a password has at least 15 characters"
    );

    let strength = Strength::of(&password.clone().into(), &[email]);
    let advice = strength
        .warning
        .iter()
        .chain(&strength.suggestions)
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");

    ensure!(
        strength.is_enough(),
        "the password is easy to guess. {advice}"
    );

    Ok(password)
}
