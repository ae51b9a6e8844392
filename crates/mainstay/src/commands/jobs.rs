//! `jobs`: lists unfinished jobs, and retries failed ones.

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
    /// List unfinished jobs, such as webhook calls and mail
    List(List),
    /// Retry failed jobs; for mail, see also `mail resend` and `mail settle`
    Retry(Retry),
}

#[derive(Args)]
pub(super) struct List {
    /// Only jobs of this kind, such as webhook
    #[arg(long)]
    kind: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub(super) struct Retry {
    /// ID of the job, from `jobs list`
    #[arg(required_unless_present = "kind", conflicts_with = "kind")]
    id: Option<Id<Job>>,
    /// Retry all failed jobs of this kind, such as webhook
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
    let jobs = unfinished(&target::sql(&database, "jobs_list"), kind).await?;

    if jobs.is_empty() {
        say("No unfinished jobs.");
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
    let sql = target::sql(&database, "jobs_retry");
    let ids = match id {
        Some(id) => vec![id],
        None => {
            let jobs = unfinished(&sql, kind.as_deref()).await?;
            jobs.into_iter()
                .filter(|job| job.state == "failed")
                .map(|job| job.id)
                .collect()
        }
    };

    let mut queued = 0;
    for id in ids {
        if retry(&sql, id).await? {
            say(&format!("{id} queued for retry"));
            queued += 1;
        }
    }

    if queued == 0 {
        complain("no failed job matches: see `jobs list`");
        return Ok(ExitCode::FAILURE);
    }

    Ok(ExitCode::SUCCESS)
}
