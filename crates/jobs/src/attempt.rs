//! One attempt at one job, and the outcome.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use mainstay_database::Error;
use tokio::time::{sleep, timeout};

use crate::{Claimed, Handler, JobError, Settings, queue::Queue, retry};

/// How often to try to save the outcome if the database is unavailable, and the delay in between.
const WRITES: u32 = 5;
const BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// Runs `job` and saves the outcome.
pub(crate) async fn attempt(job: Claimed, handler: Option<&dyn Handler>, settings: &Settings) {
    let outcome = match handler {
        // Each earlier attempt ended with the death of its worker.
        _ if job.attempt > settings.attempts => Err(JobError::give_up("its worker died each time")),
        Some(handler) => supervise(&job, handler, settings).await,
        None => Err(JobError::retry("no handler for this kind of job")),
    };

    let fate = Fate::of(&job, outcome, settings);
    fate.report(&job);

    for _ in 0..WRITES {
        match fate.write(&job).await {
            Ok(true) => return,
            Ok(false) => {
                return tracing::warn!(job = %job.id, kind = job.kind, "another worker took over the job");
            }
            Err(error) => {
                tracing::warn!(
                    job = %job.id,
                    kind = job.kind,
                    %error,
                    cause = error.cause(),
                    "saving the outcome of a job failed"
                );
            }
        }

        sleep(BETWEEN_WRITES).await;
    }
}

/// Runs the handler while the lease is renewed, within the time that work may take.
async fn supervise(
    job: &Claimed,
    handler: &dyn Handler,
    settings: &Settings,
) -> Result<(), JobError> {
    let work = timeout(
        settings.timeout,
        AssertUnwindSafe(handler.run(job)).catch_unwind(),
    );

    tokio::select! {
        ended = work => match ended {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(JobError::unclear("panicked")),
            Err(_) => Err(JobError::unclear("timed out")),
        },
        () = keep(job, settings.lease / 3) => Err(JobError::unclear("the lease expired")),
    }
}

/// Renews the lease until it is lost.
async fn keep(job: &Claimed, every: Duration) {
    loop {
        sleep(every).await;
        match job.queue.renew(job.as_claim()).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(job = %job.id, kind = job.kind, %error, "renewing the lease of a job failed")
            }
        }
    }
}

enum Fate {
    Done,
    Again { wait: Duration, reason: String },
    Failed { reason: String },
    Unclear { reason: String },
}

impl Fate {
    fn of(job: &Claimed, outcome: Result<(), JobError>, settings: &Settings) -> Self {
        match outcome {
            Ok(()) => Self::Done,
            Err(JobError::Unclear(reason)) if job.is_handed_over() => Self::Unclear {
                reason: reason.into_owned(),
            },
            Err(JobError::Retry(reason) | JobError::Unclear(reason))
                if job.attempt < settings.attempts =>
            {
                let wait = retry::wait(
                    job.attempt,
                    settings.retry_delay,
                    &job.database().runtime().random,
                );
                Self::Again {
                    wait,
                    reason: reason.into_owned(),
                }
            }
            Err(JobError::Retry(reason) | JobError::Unclear(reason) | JobError::GiveUp(reason)) => {
                Self::Failed {
                    reason: reason.into_owned(),
                }
            }
        }
    }

    fn report(&self, job: &Claimed) {
        let Claimed {
            id, kind, attempt, ..
        } = job;
        let kind = kind.clone();

        match self {
            Self::Done => {
                tracing::debug!(job = %id, kind, attempt, "job done");
                metrics::counter!("jobs_done_total", "kind" => kind).increment(1);
            }
            Self::Again { reason, .. } => {
                tracing::warn!(job = %id, kind, attempt, reason, "job will be retried");
                metrics::counter!("jobs_retried_total", "kind" => kind).increment(1);
            }
            Self::Failed { reason } => {
                tracing::error!(job = %id, kind, attempt, reason, "job failed");
                metrics::counter!("jobs_failed_total", "kind" => kind).increment(1);
            }
            Self::Unclear { reason } => {
                tracing::error!(job = %id, kind, attempt, reason, "outcome of a job is unknown");
                metrics::counter!("jobs_unclear_total", "kind" => kind).increment(1);
            }
        }
    }

    async fn write(&self, job: &Claimed) -> Result<bool, Error> {
        let (queue, claim): (&Queue, _) = (&job.queue, job.as_claim());
        match self {
            Self::Done => queue.done(claim).await,
            Self::Again { wait, reason } => queue.retry(claim, *wait, reason).await,
            Self::Failed { reason } => queue.failed(claim, reason).await,
            Self::Unclear { reason } => queue.unclear(claim, reason).await,
        }
    }
}
