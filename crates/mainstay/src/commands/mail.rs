//! `mail`: lists mail that was not sent, and sends or settles it.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use mainstay_database::{Id, Job};
use mainstay_mail::{resend, settle, undelivered};

use super::{
    output::say,
    target::{self, Target},
};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List mail that was not sent, or of which nobody knows whether it was
    ///
    /// `waiting` is tried again by itself. `failed` was given up. `handed_over` was left behind at the moment of sending:
    /// look for the id, which is its Message-ID, in the mail server's log.
    List(Target),
    /// Send a mail again that failed or was left behind; in the second case it may arrive twice
    Resend(Chosen),
    /// Say that a mail arrived which was left behind as `handed_over`: it is done, and nothing of it is kept
    Settle(Chosen),
}

#[derive(Args)]
pub(super) struct Chosen {
    /// The mail's id, as `list` shows it
    id: Id<Job>,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(target) => list(target).await,
        Action::Settle(Chosen { id, target }) => {
            let database = target.database()?;
            let found = settle(&target::unscoped(&database, "mail_settle"), id).await?;
            found.then_some(()).context(
                "there is no mail of this id that was left behind, or it is being sent right now",
            )?;
            say(&format!("{id} is settled"));
            Ok(ExitCode::SUCCESS)
        }
        Action::Resend(Chosen { id, target }) => {
            let database = target.database()?;
            let found = resend(&target::unscoped(&database, "mail_resend"), id).await?;
            found
                .then_some(())
                .context("there is no mail of this id that failed or was left behind")?;
            say(&format!("{id} is sent again"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn list(target: Target) -> anyhow::Result<ExitCode> {
    let database = target.database()?;
    let mails = undelivered(&target::unscoped(&database, "mail_list")).await?;
    if mails.is_empty() {
        say("No mail waits.");
    }

    for mail in mails {
        let next = if mail.state == "waiting" {
            format!("  next try {}", mail.run_at)
        } else {
            String::new()
        };

        let error = if mail.error.is_empty() {
            String::new()
        } else {
            format!("  {}", mail.error)
        };

        say(&format!(
            "{}  {:<11}  {}  queued {}  attempts {}{next}{error}",
            mail.id, mail.state, mail.to, mail.created_at, mail.attempts
        ));
    }

    Ok(ExitCode::SUCCESS)
}
