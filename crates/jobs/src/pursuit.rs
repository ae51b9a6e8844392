//! One attempt at one job, and what becomes of the job then.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt as _;
use mainstay_database::Error;
use tokio::time::{sleep, timeout};

use crate::{Claimed, Handler, JobError, Settings, queue::Queue, retry};

/// How often the outcome is written down again when the database is away, and how long to wait in between.
const WRITES: u32 = 5;
const BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// Does `job` and writes down what became of it.
pub(crate) async fn pursue(job: Claimed, handler: Option<&dyn Handler>, settings: &Settings) {
    let outcome = match handler {
        // It was taken over again and again, from workers that died of it.
        _ if job.attempt > settings.attempts => {
            Err(JobError::give_up("its worker ended each time"))
        }
        Some(handler) => attempt(&job, handler, settings).await,
        None => Err(JobError::retry("nobody does work of this kind")),
    };

    let fate = Fate::of(&job, outcome, settings);
    fate.report(&job);

    for _ in 0..WRITES {
        match fate.write(&job).await {
            Ok(true) => return,
            Ok(false) => {
                return tracing::warn!(job = %job.id, kind = job.kind, "another worker has taken the job over");
            }
            Err(error) => {
                tracing::warn!(job = %job.id, kind = job.kind, %error, cause = error.cause(), "an outcome is not noted");
            }
        }
        sleep(BETWEEN_WRITES).await;
    }
}

async fn attempt(
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
            Ok(Err(_)) => Err(JobError::unclear("it panicked")),
            Err(_) => Err(JobError::unclear("it took too long")),
        },
        () = keep(job, settings.lease / 3) => Err(JobError::unclear("the lease ran out")),
    }
}

/// Renews the lease for as long as it is ours.
async fn keep(job: &Claimed, every: Duration) {
    loop {
        sleep(every).await;
        match job.queue.renew(job).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(job = %job.id, kind = job.kind, %error, "a lease is not renewed")
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
                tracing::debug!(job = %id, kind, attempt, "a job is done");
                metrics::counter!("jobs_done_total", "kind" => kind).increment(1);
            }
            Self::Again { reason, .. } => {
                tracing::warn!(job = %id, kind, attempt, reason, "a job is tried again later");
                metrics::counter!("jobs_retried_total", "kind" => kind).increment(1);
            }
            Self::Failed { reason } => {
                tracing::error!(job = %id, kind, attempt, reason, "a job is given up");
                metrics::counter!("jobs_failed_total", "kind" => kind).increment(1);
            }
            Self::Unclear { reason } => {
                tracing::error!(job = %id, kind, attempt, reason, "nobody knows whether a job was done");
                metrics::counter!("jobs_unclear_total", "kind" => kind).increment(1);
            }
        }
    }

    async fn write(&self, job: &Claimed) -> Result<bool, Error> {
        let queue: &Queue = &job.queue;
        match self {
            Self::Done => queue.done(job).await,
            Self::Again { wait, reason } => queue.retry(job, *wait, reason).await,
            Self::Failed { reason } => queue.failed(job, reason).await,
            Self::Unclear { reason } => queue.unclear(job, reason).await,
        }
    }
}
