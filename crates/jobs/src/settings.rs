use std::time::Duration;

use mainstay_config::Reader;

/// How the worker works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether the serving process works, too.
    pub in_process: bool,
    /// Jobs at once.
    pub concurrency: usize,
    /// How often the queue is looked at when nothing is announced.
    pub poll: Duration,
    /// How long a job is its worker's alone; renewed while the worker lives.
    pub lease: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
    /// How often a job is tried.
    pub attempts: i32,
    /// The wait before the second attempt; it doubles with each further one.
    pub retry_delay: Duration,
    /// How long finished jobs are kept.
    pub retention: Duration,
    /// How long a shutdown waits for jobs under way.
    pub drain: Duration,
}

impl Settings {
    /// Reads the settings; what is wrong is remembered by `reader`.
    pub fn read(reader: &mut Reader) -> Self {
        let seconds = Duration::from_secs;
        let settings = Self {
            in_process: reader.or(
                "jobs.in_process",
                true,
                "Whether `serve` does queued work; if not, run `worker`.",
            ),
            concurrency: reader.or(
                "jobs.concurrency",
                4_usize,
                "Jobs that a worker does at once.",
            ),
            poll: reader.or(
                "jobs.poll",
                seconds(5),
                "How often the queue is looked at when nothing is announced.",
            ),
            lease: reader.or(
                "jobs.lease",
                seconds(60),
                "After how long the job of a dead worker is taken over.",
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
                "Wait before a second attempt; it doubles with each further one, up to an hour.",
            ),
            retention: reader.or(
                "jobs.retention",
                seconds(7 * 86_400),
                "How long finished and failed jobs are kept.",
            ),
            drain: reader.or(
                "jobs.drain",
                seconds(20),
                "How long a shutdown waits for jobs under way.",
            ),
        };

        if settings.concurrency == 0 || settings.concurrency > 256 {
            reader.refuse("jobs.concurrency", "must be from 1 to 256");
        }

        for (name, value) in [("jobs.poll", settings.poll), ("jobs.lease", settings.lease)] {
            if value.is_zero() {
                reader.refuse(name, "must be longer than nothing");
            }
        }

        settings
    }
}

fn attempts(reader: &mut Reader) -> i32 {
    let attempts = reader.or(
        "jobs.attempts",
        15_u32,
        "How often a job is tried before it is given up.",
    );

    match i32::try_from(attempts) {
        Ok(attempts) if attempts > 0 => attempts,
        _ => {
            reader.refuse("jobs.attempts", "must be from 1 to 2147483647");
            1
        }
    }
}
