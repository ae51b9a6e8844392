//! `mail`: lists, resends and settles undelivered mail.

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, Subcommand};
use mainstay_database::{Id, Job};
use mainstay_mail::{resend, settle, undelivered};

use super::{
    output::say,
    target::{self, Target},
};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List mail that was not sent, or whose delivery is unknown
    ///
    /// `waiting` is retried automatically. `failed` was given up after the last attempt.
    /// `handed_over` was interrupted while it was being sent, so it may or may not have arrived:
    /// look for the ID, which is its Message-ID, in the mail server's log.
    List(Target),
    /// Send `failed` or `handed_over` mail again; `handed_over` mail may arrive twice
    Resend(Chosen),
    /// Mark `handed_over` mail as delivered, and delete it
    Settle(Chosen),
}

#[derive(Args)]
pub(super) struct Chosen {
    /// ID of the message, from `mail list`
    id: Id<Job>,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(target) => list(target).await,
        Action::Settle(Chosen { id, target }) => {
            let database = target.database()?;
            let found = settle(&target::sql(&database, "mail_settle"), id).await?;
            ensure!(
                found,
                "no mail with this ID is handed_over, or it is being sent right now"
            );
            say(&format!("{id} settled"));
            Ok(ExitCode::SUCCESS)
        }
        Action::Resend(Chosen { id, target }) => {
            let database = target.database()?;
            let found = resend(&target::sql(&database, "mail_resend"), id).await?;
            ensure!(found, "no mail with this ID is failed or handed_over");
            say(&format!("{id} queued for sending"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn list(target: Target) -> anyhow::Result<ExitCode> {
    let database = target.database()?;
    let mails = undelivered(&target::sql(&database, "mail_list")).await?;
    if mails.is_empty() {
        say("No undelivered mail.");
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
