//! `organization`: lists organizations, and revokes what lets people and machines into one.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mainstay_kernel::{OrganizationId, one_line};

use super::{
    output::say,
    target::{self, Target},
};
use crate::identity::{list_organizations, revoke_organization};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the organizations, the oldest first
    List(Target),
    /// End every session of an organization's members and service accounts, and revoke its API keys and client secrets
    ///
    /// Every replica refuses them within a second. Sessions end wherever they work, since a session can be taken from one
    /// organization to another. Accounts, roles and what people allow applications stay: whoever can sign in, may.
    Revoke(Revoke),
}

#[derive(Args)]
pub(super) struct Revoke {
    /// The organization's id, as `list` shows it
    organization: OrganizationId,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(target) => {
            let organizations =
                list_organizations(&target::unscoped(&target.database()?, "organization_list"))
                    .await?;
            if organizations.is_empty() {
                say("There is no organization.");
            }

            for organization in organizations {
                let (id, since, members) = (
                    organization.id,
                    organization.created_at,
                    organization.members,
                );
                say(&format!(
                    "{id}  {}  members {members}  since {since}",
                    one_line(&organization.name)
                ));
            }
        }
        Action::Revoke(Revoke {
            organization,
            target,
        }) => {
            let unscoped = target::unscoped(&target.database()?, "organization_revoke");
            let revoked = revoke_organization(&unscoped, organization).await?;
            let revoked =
                revoked.context("there is no organization of this id: see `organization list`")?;
            say(&format!("{} sessions are ended", revoked.sessions));
            say(&format!(
                "{} API keys and {} client secrets are revoked",
                revoked.api_keys, revoked.client_secrets
            ));
        }
    }

    Ok(ExitCode::SUCCESS)
}
