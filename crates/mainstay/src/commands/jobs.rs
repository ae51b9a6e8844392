//! `jobs`: lists work that was not done, and starts it again.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use mainstay_database::{Id, Job};
use mainstay_jobs::{Unfinished, retry, unfinished};

use super::{
    output::{complain, say},
    target::{self, Target},
};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List queued work that is not done: messages to the webhook, mail, whatever modules queue
    List(List),
    /// Let work that was given up begin anew; of mail, `mail resend` and `mail settle` know more
    Retry(Retry),
}

#[derive(Args)]
pub(super) struct List {
    /// Only work of this kind, such as webhook
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Retry {
    /// The job's id, as `list` shows it
    #[arg(required_unless_present = "kind", conflicts_with = "kind")]
    id: Option<Id<Job>>,
    /// All failed work of this kind, such as webhook
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    target: Target,
}

pub(super) async fn run(action: Action) -> anyhow::Result<ExitCode> {
    match action {
        Action::List(List { kind, target }) => list(kind.as_deref(), &target).await,
        Action::Retry(retry) => retry_failed(retry).await,
    }
}

async fn list(kind: Option<&str>, target: &Target) -> anyhow::Result<ExitCode> {
    let database = target.database()?;
    let jobs = unfinished(&target::unscoped(&database, "jobs_list"), kind).await?;

    if jobs.is_empty() {
        say("No work waits.");
    }

    for Unfinished {
        id,
        kind,
        state,
        attempts,
        created_at,
        run_at,
        error,
    } in jobs
    {
        let next = if state == "waiting" {
            format!("  next try {run_at}")
        } else {
            String::new()
        };

        let error = if error.is_empty() {
            String::new()
        } else {
            format!("  {error}")
        };

        say(&format!(
            "{id}  {kind:<10}  {state:<11}  queued {created_at}  attempts {attempts}{next}{error}"
        ));
    }

    Ok(ExitCode::SUCCESS)
}

async fn retry_failed(Retry { id, kind, target }: Retry) -> anyhow::Result<ExitCode> {
    let database = target.database()?;
    let unscoped = target::unscoped(&database, "jobs_retry");
    let ids = match id {
        Some(id) => vec![id],
        None => {
            let jobs = unfinished(&unscoped, kind.as_deref()).await?;
            jobs.into_iter()
                .filter(|job| job.state == "failed")
                .map(|job| job.id)
                .collect()
        }
    };

    let mut begun = 0;
    for id in ids {
        if retry(&unscoped, id).await? {
            say(&format!("{id} begins anew"));
            begun += 1;
        }
    }

    if begun == 0 {
        complain("there is no such work that was given up: see `jobs list`");
        return Ok(ExitCode::FAILURE);
    }

    Ok(ExitCode::SUCCESS)
}
