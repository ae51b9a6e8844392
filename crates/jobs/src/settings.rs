//! The settings of the worker.

use std::time::Duration;

use mainstay_config::Reader;

/// The settings of the worker.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether the serving process also runs jobs.
    pub in_process: bool,
    /// Number of concurrent jobs.
    pub concurrency: usize,
    /// How often to poll the queue when no new jobs are announced.
    pub poll: Duration,
    /// How long a claim is valid. The worker renews it while it runs the job.
    pub lease: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// Number of attempts before a job fails for good.
    pub attempts: i32,
    /// The delay before the second attempt. It doubles with each further one.
    pub retry_delay: Duration,
    /// How long finished jobs are kept.
    pub retention: Duration,
    /// How long a shutdown waits for jobs in flight.
    pub drain: Duration,
}

impl Settings {
    /// Reads the settings. `reader` collects the errors.
    pub fn read(reader: &mut Reader) -> Self {
        let seconds = Duration::from_secs;
        let settings = Self {
            in_process: reader.or(
                "jobs.in_process",
                true,
                "Whether `serve` also runs queued jobs; if not, run `worker`.",
            ),
            concurrency: reader.or(
                "jobs.concurrency",
                4_usize,
                "Number of jobs that a worker runs concurrently.",
            ),
            poll: reader.or(
                "jobs.poll",
                seconds(5),
                "How often to poll the queue when no new jobs are announced.",
            ),
            lease: reader.or(
                "jobs.lease",
                seconds(60),
                "How long until another worker takes over the job of a dead one.",
            ),
            timeout: reader.or(
                "jobs.timeout",
                seconds(600),
                "How long one attempt at a job may take.",
            ),
            attempts: attempts(reader),
            retry_delay: reader.or(
                "jobs.retry_delay",
                seconds(2),
                "Delay before the second attempt; doubles with each further one, up to an hour.",
            ),
            retention: reader.or(
                "jobs.retention",
                seconds(7 * 86_400),
                "How long finished and failed jobs are kept.",
            ),
            drain: reader.or(
                "jobs.drain",
                seconds(20),
                "How long a shutdown waits for jobs in flight.",
            ),
        };

        if settings.concurrency == 0 || settings.concurrency > 256 {
            reader.refuse("jobs.concurrency", "must be from 1 to 256");
        }

        for (name, value) in [("jobs.poll", settings.poll), ("jobs.lease", settings.lease)] {
            if value.is_zero() {
                reader.refuse(name, "must be longer than 0s");
            }
        }

        settings
    }
}

fn attempts(reader: &mut Reader) -> i32 {
    let attempts = reader.or(
        "jobs.attempts",
        15_u32,
        "Number of attempts before a job fails for good.",
    );

    match i32::try_from(attempts) {
        Ok(attempts) if attempts > 0 => attempts,
        _ => {
            reader.refuse("jobs.attempts", "must be from 1 to 2147483647");
            1
        }
    }
}
