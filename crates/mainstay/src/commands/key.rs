use std::{path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mainstay_identity::{KeysOf, ListedKey, list_keys, revoke_key};
use mainstay_kernel::{OrganizationId, UserId};

use super::{connect, say};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the API keys of an organization, or of one account, newest first
    List(List),
    /// Revoke an API key; every replica refuses it within a second
    Revoke(Revoke),
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    of: Of,
    /// The data directory of `dev`, when it is not the usual one
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Of {
    /// Everybody's keys in this organization
    #[arg(long)]
    organization: Option<OrganizationId>,
    /// The keys of this person or service account
    #[arg(long)]
    user: Option<UserId>,
}

#[derive(Args)]
pub(super) struct Revoke {
    /// The key's id, as `list` shows it; or the key itself, where it was found
    key: String,
    /// The data directory of `dev`, when it is not the usual one
    #[arg(long)]
    data_dir: Option<PathBuf>,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(List { of, data_dir }) => {
            let of = match (of.organization, of.user) {
                (Some(organization), _) => KeysOf::Organization(organization),
                (None, user) => KeysOf::User(user.context("name an organization or a user")?),
            };
            let database = connect::database(data_dir.as_deref())?;
            let keys = list_keys(&connect::unscoped(&database, "key_list"), of).await?;
            if keys.is_empty() {
                say("There are no keys.");
            }
            keys.iter().for_each(|key| say(&line(key)));
        }
        Action::Revoke(Revoke { key, data_dir }) => {
            let database = connect::database(data_dir.as_deref())?;
            let revoked = revoke_key(&connect::unscoped(&database, "key_revoke"), &key).await?;
            revoked.then_some(()).context("there is no such key, or it was revoked before")?;
            say("revoked");
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(key: &ListedKey) -> String {
    let moment = |moment: Option<_>| moment.map_or_else(|| "never".to_owned(), |moment| format!("{moment}"));
    let account = |account: Option<_>| account.map_or_else(|| "unknown".to_owned(), |account| format!("{account}"));
    let scopes = key.scopes.as_ref().map_or_else(|| "all of the role".to_owned(), |scopes| scopes.join(" "));
    format!(
        "{}  user {}  organization {}  expires {}  made by {}  sponsor {}  revoked {}  last used {}  scopes: {scopes}  {:?}",
        key.id,
        key.user,
        key.organization,
        key.expires_at,
        account(key.made_by),
        account(key.sponsor),
        moment(key.revoked_at),
        moment(key.last_used_at),
        key.name,
    )
}
