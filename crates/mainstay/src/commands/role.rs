//! `role`: lists roles and assigns them.

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, Subcommand};
use mainstay_kernel::OrganizationId;

use super::{
    output::say,
    target::{self, Target},
    user::Account,
};
use crate::identity::{assign_role, list_roles_of};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List an organization's roles, how many have each, and what it grants
    List(List),
    /// Give an account a role in an organization; whoever is no member yet joins it
    Assign(Assign),
}

#[derive(Args)]
pub(super) struct List {
    /// The organization's id
    #[arg(long)]
    organization: OrganizationId,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Assign {
    /// The role's name
    role: String,
    #[command(flatten)]
    account: Account,
    /// The organization's id
    #[arg(long)]
    organization: OrganizationId,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(List {
            organization,
            target,
        }) => {
            let roles = list_roles_of(
                &target::unscoped(&target.database()?, "role_list"),
                organization,
            )
            .await?;
            for role in roles {
                let kind = if role.built_in { "built in" } else { "its own" };
                let (name, members, granted) =
                    (role.name, role.members, role.permissions.join(" "));
                say(&format!("{name:<20}  {kind}  members {members}  {granted}"));
            }
        }
        Action::Assign(Assign {
            role,
            account,
            organization,
            target,
        }) => {
            let unscoped = target::unscoped(&target.database()?, "role_assign");
            let found = account.find(&unscoped).await?;
            let assigned = assign_role(&unscoped, found.id, organization, &role).await?;
            ensure!(
                assigned,
                "there is no such organization or role, or it would be left without an owner"
            );
            say(&format!("{} is {role}", found.id));
        }
    }

    Ok(ExitCode::SUCCESS)
}
