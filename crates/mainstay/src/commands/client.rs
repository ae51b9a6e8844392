//! `client`: registers and deactivates applications.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mainstay_kernel::one_line;

use super::{
    output::say,
    target::{self, Target},
};
use crate::identity::{NewClient, create_client, deactivate_client, list_clients, set_first_party};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Register an application, so that people can let it in
    ///
    /// It keeps no secret: it proves each code by PKCE (S256), and gets it at one of its redirects alone. People are asked
    /// before it gets access to their account.
    Create(Create),
    /// Say whether an application is your own
    Update(Update),
    /// List the registered applications
    List(Target),
    /// Deactivate an application, and end every session that it has
    Deactivate(Deactivate),
}

#[derive(Args)]
pub(super) struct Create {
    /// What the application calls itself in a request, such as mobile-app
    client_id: String,
    /// What people are shown
    #[arg(long)]
    name: String,
    /// Where a browser may be sent back to, letter by letter; on 127.0.0.1 and [::1] with any port; may be given several times
    #[arg(long = "redirect-uri", required = true)]
    redirect_uris: Vec<String>,
    /// It is your own: people are not asked before it gets access, where an https redirect makes sure who is answered
    #[arg(long)]
    first_party: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Update {
    /// What the application calls itself in a request
    client_id: String,
    /// Whether it is your own: people are not asked before it gets access, where an https redirect makes sure who is answered
    #[arg(long, action = clap::ArgAction::Set)]
    first_party: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Deactivate {
    /// What the application calls itself in a request
    client_id: String,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::Create(Create {
            client_id,
            name,
            redirect_uris,
            first_party,
            target,
        }) => {
            let database = target.database()?;
            let unscoped = target::unscoped(&database, "client_create");
            let said = format!("{client_id} is registered");

            create_client(
                &unscoped,
                NewClient {
                    client_id,
                    name,
                    redirect_uris,
                    first_party,
                },
            )
            .await?;

            say(&said);
        }
        Action::Update(Update {
            client_id,
            first_party,
            target,
        }) => {
            let database = target.database()?;
            let unscoped = target::unscoped(&database, "client_update");
            let changed = set_first_party(&unscoped, &client_id, first_party).await?;
            changed.then_some(()).context(
                "there is no active application of this client_id that this would change",
            )?;
            say(&format!("{client_id} is {}", party(first_party)));
        }
        Action::List(target) => list(target).await?,
        Action::Deactivate(Deactivate { client_id, target }) => {
            let database = target.database()?;
            let deactivated = deactivate_client(
                &target::unscoped(&database, "client_deactivate"),
                &client_id,
            )
            .await?;
            deactivated
                .then_some(())
                .context("there is no application of this client_id that is active")?;
            say(&format!(
                "{client_id} is deactivated, and its sessions have ended"
            ));
        }
    }

    Ok(ExitCode::SUCCESS)
}

async fn list(target: Target) -> anyhow::Result<()> {
    let database = target.database()?;
    for client in list_clients(&target::unscoped(&database, "client_list")).await? {
        let state = client
            .deactivated_at
            .map_or_else(String::new, |since| format!("  deactivated {since}"));
        let redirects = client.redirect_uris.join(" ");
        say(&format!(
            "{:<24}  {}  {}  registered {}{state}  {redirects}",
            client.client_id,
            one_line(&client.name),
            party(client.first_party),
            client.created_at
        ));
    }

    Ok(())
}

const fn party(first: bool) -> &'static str {
    if first { "first-party" } else { "third-party" }
}
