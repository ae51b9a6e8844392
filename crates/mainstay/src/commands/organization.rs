//! `organization`: lists organizations, and revokes all credentials and sessions of one.

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
    /// List organizations, oldest first
    List(Target),
    /// Revoke an organization's API keys and client secrets, and end the sessions of its members
    /// and service accounts
    ///
    /// Every replica refuses them within a second. Sessions in other organizations end too, because
    /// a session can switch between organizations. Accounts, roles and consents stay, so members
    /// can sign in again.
    Revoke(Revoke),
}

#[derive(Args)]
pub(super) struct Revoke {
    /// ID of the organization, from `organization list`
    organization: OrganizationId,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(target) => {
            let organizations =
                list_organizations(&target::sql(&target.database()?, "organization_list")).await?;
            if organizations.is_empty() {
                say("No organizations.");
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
            let sql = target::sql(&target.database()?, "organization_revoke");
            let revoked = revoke_organization(&sql, organization).await?;
            let revoked =
                revoked.context("no organization has this ID: see `organization list`")?;
            say(&format!("ended {} sessions", revoked.sessions));
            say(&format!(
                "revoked {} API keys and {} client secrets",
                revoked.api_keys, revoked.client_secrets
            ));
        }
    }

    Ok(ExitCode::SUCCESS)
}
