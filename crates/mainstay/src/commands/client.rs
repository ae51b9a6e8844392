//! `client`: registers and deactivates applications.

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, Subcommand};
use mainstay_kernel::one_line;

use super::{
    output::say,
    target::{self, Target},
};
use crate::identity::{NewClient, create_client, deactivate_client, list_clients, set_first_party};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Register an application
    ///
    /// It is a public client without a secret: it uses PKCE (S256) and receives codes only at its
    /// redirect URIs. People are asked for consent before it gets access to their account.
    Create(Create),
    /// Set whether an application is first-party
    Update(Update),
    /// List registered applications
    List(Target),
    /// Deactivate an application, and end all of its sessions
    Deactivate(Deactivate),
}

#[derive(Args)]
pub(super) struct Create {
    /// OAuth client_id of the application, such as mobile-app
    client_id: String,
    /// Name shown to people
    #[arg(long)]
    name: String,
    /// Allowed redirect URI, compared exactly, except that the port may vary on 127.0.0.1 and
    /// [::1]; may be repeated
    #[arg(long = "redirect-uri", required = true)]
    redirect_uris: Vec<String>,
    /// The application is your own: it needs no consent if the redirect URI is https
    #[arg(long)]
    first_party: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Update {
    /// OAuth client_id of the application
    client_id: String,
    /// Whether the application is your own: it needs no consent if the redirect URI is https
    #[arg(long, action = clap::ArgAction::Set)]
    first_party: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Deactivate {
    /// OAuth client_id of the application
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
            let sql = target::sql(&database, "client_create");
            let message = format!("{client_id} registered");

            create_client(
                &sql,
                NewClient {
                    client_id,
                    name,
                    redirect_uris,
                    first_party,
                },
            )
            .await?;

            say(&message);
        }
        Action::Update(Update {
            client_id,
            first_party,
            target,
        }) => {
            let database = target.database()?;
            let sql = target::sql(&database, "client_update");
            let changed = set_first_party(&sql, &client_id, first_party).await?;
            ensure!(
                changed,
                "no active application has this client_id, or it is {} already",
                party(first_party)
            );
            say(&format!("{client_id} is {}", party(first_party)));
        }
        Action::List(target) => list(target).await?,
        Action::Deactivate(Deactivate { client_id, target }) => {
            let database = target.database()?;
            let deactivated =
                deactivate_client(&target::sql(&database, "client_deactivate"), &client_id).await?;
            ensure!(deactivated, "no active application has this client_id");
            say(&format!("{client_id} deactivated, and its sessions ended"));
        }
    }

    Ok(ExitCode::SUCCESS)
}

async fn list(target: Target) -> anyhow::Result<()> {
    let database = target.database()?;
    for client in list_clients(&target::sql(&database, "client_list")).await? {
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
