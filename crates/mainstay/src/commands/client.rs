use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mainstay_identity::{create_client, disable_client, list_clients};
use mainstay_kernel::one_line;

use super::{
    connect::{self, Place},
    say,
};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Register an application, so that people can let it in
    ///
    /// It keeps no secret: it proves each code by PKCE (S256), and gets it at one of its redirects alone.
    Create(Create),
    /// List the registered applications
    List(Place),
    /// Shut an application, and end every session that it has
    Disable(Disable),
}

#[derive(Args)]
pub(super) struct Create {
    /// What the application calls itself in a request, such as mobile-app
    client_id: String,
    /// What people are shown
    #[arg(long)]
    name: String,
    /// Where a browser may be sent back to, letter by letter; may be given several times
    #[arg(long = "redirect-uri", required = true)]
    redirect_uris: Vec<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub(super) struct Disable {
    /// What the application calls itself in a request
    client_id: String,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::Create(Create { client_id, name, redirect_uris, place }) => {
            let database = place.database()?;
            let unscoped = connect::unscoped(&database, "client_create");
            create_client(&unscoped, &client_id, &name, redirect_uris).await?;
            say(&format!("{client_id} is registered"));
        }
        Action::List(place) => list(place).await?,
        Action::Disable(Disable { client_id, place }) => {
            let database = place.database()?;
            let shut = disable_client(&connect::unscoped(&database, "client_disable"), &client_id).await?;
            shut.then_some(()).context("there is no application of this client_id that is not shut already")?;
            say(&format!("{client_id} is shut, and its sessions have ended"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(place: Place) -> anyhow::Result<()> {
    let database = place.database()?;
    for client in list_clients(&connect::unscoped(&database, "client_list")).await? {
        let state = client.disabled_at.map_or_else(String::new, |since| format!("  shut {since}"));
        let redirects = client.redirect_uris.join(" ");
        say(&format!(
            "{:<24}  {}  registered {}{state}  {redirects}",
            client.client_id,
            one_line(&client.name),
            client.created_at
        ));
    }
    Ok(())
}
