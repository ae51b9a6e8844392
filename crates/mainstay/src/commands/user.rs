//! `user`: creates, shows, deactivates, activates and deletes accounts.

use std::{io::Read as _, process::ExitCode};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use mainstay_crypto::Sealed;
use mainstay_database::Sql;
use mainstay_kernel::{OrganizationId, Random, Runtime, one_line};

use super::{
    output::say,
    random_password,
    target::{self, Target},
};
use crate::{
    Platform,
    hasher::hasher,
    identity::{
        CreatedAccount, EmailAddress, Membership, NewPassword, NewUser, OrganizationName, Strength,
        UserSummary, create_user, delete_account, find_home, find_user, reset_second_factors,
        set_active,
    },
};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Create an account in an organization
    ///
    /// The password is generated and printed once, unless it is read from standard input.
    Create(Create),
    /// Show an account
    Show(Who),
    /// Deactivate an account: its sessions end and it cannot sign in
    Deactivate(Who),
    /// Activate a deactivated account
    Activate(Who),
    /// Delete an account and the key of its personal data
    Delete(Who),
    /// Remove all second factors of a person who lost theirs; verify the person's identity first
    ResetSecondFactors(Who),
}

#[derive(Args)]
pub(super) struct Create {
    /// E-mail address to sign in with
    #[arg(long)]
    email: String,
    /// ID of the organization, or the name of a new one; leave it out if there is a single tenant
    #[arg(long)]
    organization: Option<String>,
    /// Role of the account: owner, manager, agent, auditor or a custom role of the organization
    #[arg(long, default_value = "owner")]
    role: String,
    /// Read the password from standard input instead of generating one
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

/// The account argument shared by all commands.
#[derive(Args)]
pub(super) struct Account {
    /// E-mail address or ID of the account
    #[arg(value_name = "USER")]
    user: String,
}

impl Account {
    pub(super) async fn find(&self, sql: &Sql) -> anyhow::Result<UserSummary> {
        find(sql, &self.user).await
    }
}

/// Finds an account by its e-mail address or ID.
pub(super) async fn find(sql: &Sql, who: &str) -> anyhow::Result<UserSummary> {
    find_user(sql, who)
        .await?
        .with_context(|| format!("no account {who}"))
}

pub(super) async fn run(platform: &Platform, action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::Create(new) => create(new).await?,
        Action::Show(Who { account, target }) => {
            show(
                &account
                    .find(&target::sql(&target.database()?, "user_show"))
                    .await?,
            );
        }
        Action::Deactivate(Who { account, target }) => {
            let sql = target::sql(&target.database()?, "user_deactivate");
            let found = account.find(&sql).await?;
            let changed = set_active(&sql, found.id, false, None).await?;
            ensure!(
                changed,
                "the account is already deactivated, or an organization would be left without an owner"
            );
            say(&format!("{} deactivated", found.id));
        }
        Action::Activate(Who { account, target }) => {
            let sql = target::sql(&target.database()?, "user_activate");
            let found = account.find(&sql).await?;
            ensure!(
                set_active(&sql, found.id, true, None).await?,
                "the account is already active"
            );
            say(&format!("{} activated", found.id));
        }
        Action::Delete(Who { account, target }) => {
            let database = target.database()?.knowing(platform.tables());
            let sql = target::sql(&database, "user_delete");
            let found = account.find(&sql).await?;
            let deleted = delete_account(&sql, found.id, None).await?;
            ensure!(deleted, "an organization would be left without an owner");
            say(&format!("{} deleted", found.id));
        }
        Action::ResetSecondFactors(Who { account, target }) => {
            let sql = target::sql(&target.database()?, "user_reset_second_factors");
            let found = account.find(&sql).await?;
            ensure!(
                reset_second_factors(&sql, found.id).await?,
                "the account has no second factor"
            );
            say(&format!("removed all second factors of {}", found.id));
        }
    }

    Ok(ExitCode::SUCCESS)
}

async fn create(new: Create) -> anyhow::Result<()> {
    let email = EmailAddress::parse(&new.email).context("invalid e-mail address")?;
    let password = if new.password_stdin {
        read_password(&new.email)?
    } else {
        random_password::random_password(&Random::default())
    };

    let sql = target::sql(&new.target.database()?, "user_create");

    let membership = membership(&sql, new.organization.as_deref()).await?;

    let user = NewUser {
        email: Sealed::new(email),
        password: NewPassword::Plain(password.clone().into()),
        membership,
        role: new.role,
    };

    let CreatedAccount { user, organization } =
        create_user(&sql, &hasher(Runtime::default()), user).await?;

    say(&format!("user          {user}"));
    if let Some(organization) = organization {
        say(&format!("organization  {organization}"));
    }
    if !new.password_stdin {
        say(&format!("password      {password}   (shown only once)"));
    }

    Ok(())
}

/// The organization of a new account.
async fn membership(sql: &Sql, named: Option<&str>) -> anyhow::Result<Membership> {
    match (find_home(sql).await?, named) {
        (Some(home), None) => Ok(Membership::Existing(home)),
        (Some(home), Some(named)) => {
            ensure!(
                named.parse().is_ok_and(|id: OrganizationId| id == home),
                "the service has a single tenant: leave out --organization"
            );
            Ok(Membership::Existing(home))
        }
        (None, None) => bail!("name the organization with --organization"),
        (None, Some(named)) => match named.parse() {
            Ok(organization) => Ok(Membership::Existing(organization)),
            Err(_) => Ok(Membership::New(
                OrganizationName::parse(named).context("invalid organization name")?,
            )),
        },
    }
}

fn show(user: &UserSummary) {
    let yes = |flag| if flag { "yes" } else { "no" };

    say(&format!("user           {}", user.id));
    if let Some(name) = &user.name {
        say(&format!("name           {}", one_line(name)));
    }
    say(&format!("active         {}", yes(user.active)));
    say(&format!("second factor  {}", yes(user.second_factor)));
    say(&format!("created        {}", user.created_at));
    for place in &user.memberships {
        say(&format!("member of      {}", one_line(place)));
    }
}

/// Reads a password from standard input and checks its strength.
fn read_password(email: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;

    let password = text.trim_end_matches(['\r', '\n']).to_owned();
    ensure!(
        password.chars().count() >= 15,
        "the password must have at least 15 characters"
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
        "the password is too easy to guess. {advice}"
    );

    Ok(password)
}
