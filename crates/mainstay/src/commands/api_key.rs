//! `api-key`: lists and revokes API keys.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use mainstay_kernel::OrganizationId;

use super::{
    output::say,
    target::{self, Target},
    user,
};
use crate::identity::{KeysOf, ListedKey, list_keys, revoke_key};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the API keys of an organization or an account, newest first
    List(List),
    /// Revoke an API key; every replica refuses it within a second
    Revoke(Revoke),
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    of: Of,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
struct Of {
    /// E-mail address or ID of the person or service account
    #[arg(value_name = "USER", required_unless_present = "organization")]
    user: Option<String>,
    /// ID of an organization: list all of its keys
    #[arg(long, conflicts_with = "user")]
    organization: Option<OrganizationId>,
}

#[derive(Args)]
pub(super) struct Revoke {
    /// ID of the key, from `api-key list`; or the leaked key itself
    key: String,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(List { of, target }) => {
            let sql = target::sql(&target.database()?, "api_key_list");
            let of = match (of.organization, of.user) {
                (Some(organization), _) => KeysOf::Organization(organization),
                (None, who) => {
                    let who = who.context("an account or an organization is required")?;
                    KeysOf::User(user::find(&sql, &who).await?.id)
                }
            };

            let keys = list_keys(&sql, of).await?;
            if keys.is_empty() {
                say("No keys.");
            }

            keys.iter().for_each(|key| say(&line(key)));
        }
        Action::Revoke(Revoke { key, target }) => {
            let revoked =
                revoke_key(&target::sql(&target.database()?, "api_key_revoke"), &key).await?;
            ensure!(revoked, "no such key, or it is already revoked");
            say("revoked");
        }
    }

    Ok(ExitCode::SUCCESS)
}

fn line(key: &ListedKey) -> String {
    let moment =
        |moment: Option<_>| moment.map_or_else(|| "never".to_owned(), |moment| format!("{moment}"));
    let account = |account: Option<_>| {
        account.map_or_else(|| "unknown".to_owned(), |account| format!("{account}"))
    };
    let scopes = key
        .scopes
        .as_ref()
        .map_or_else(|| "all of the role".to_owned(), |scopes| scopes.join(" "));

    format!(
        "{}  user {}  organization {}  expires {}  created by {}  sponsor {}  revoked {}  last used {}  \
         scopes: {scopes}  {:?}",
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
