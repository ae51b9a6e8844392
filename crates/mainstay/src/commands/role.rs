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
    /// List an organization's roles, with member counts and permissions
    List(List),
    /// Assign a role in an organization to an account, which joins the organization if it is not a
    /// member
    Assign(Assign),
}

#[derive(Args)]
pub(super) struct List {
    /// ID of the organization
    #[arg(long)]
    organization: OrganizationId,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Assign {
    /// Name of the role
    role: String,
    #[command(flatten)]
    account: Account,
    /// ID of the organization
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
            let roles =
                list_roles_of(&target::sql(&target.database()?, "role_list"), organization).await?;
            for role in roles {
                let kind = if role.built_in { "built-in" } else { "custom" };
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
            let sql = target::sql(&target.database()?, "role_assign");
            let found = account.find(&sql).await?;
            let assigned = assign_role(&sql, found.id, organization, &role).await?;
            ensure!(
                assigned,
                "no such organization or role, or the organization would be left without an owner"
            );
            say(&format!("assigned {role} to {}", found.id));
        }
    }

    Ok(ExitCode::SUCCESS)
}
