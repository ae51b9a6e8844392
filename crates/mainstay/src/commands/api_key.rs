//! `api-key`: API keys, as an operator lists and revokes them.

use std::process::ExitCode;

use anyhow::Context as _;
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
    /// List the API keys of an organization, or of one account, newest first
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
    /// The keys of this person or service account: its e-mail address or its id
    #[arg(value_name = "USER", required_unless_present = "organization")]
    user: Option<String>,
    /// Everybody's keys in this organization
    #[arg(long, conflicts_with = "user")]
    organization: Option<OrganizationId>,
}

#[derive(Args)]
pub(super) struct Revoke {
    /// The key's id, as `list` shows it; or the key itself, where it was found
    key: String,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(List { of, target }) => {
            let unscoped = target::unscoped(&target.database()?, "api_key_list");
            let of = match (of.organization, of.user) {
                (Some(organization), _) => KeysOf::Organization(organization),
                (None, who) => {
                    let who = who.context("name an account or an organization")?;
                    KeysOf::User(user::find(&unscoped, &who).await?.id)
                }
            };

            let keys = list_keys(&unscoped, of).await?;
            if keys.is_empty() {
                say("There are no keys.");
            }

            keys.iter().for_each(|key| say(&line(key)));
        }
        Action::Revoke(Revoke { key, target }) => {
            let revoked = revoke_key(
                &target::unscoped(&target.database()?, "api_key_revoke"),
                &key,
            )
            .await?;
            revoked
                .then_some(())
                .context("there is no such key, or it was revoked before")?;
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
