//! Metrics of the queue and of periodic tasks. Every process reports them, also those that run no
//! jobs, so that a stuck or missing worker is visible.

use mainstay_database::{Database, Error};

use crate::queue::around;

/// Every state but `done`. All of them are set each time, because a gauge keeps its last value.
const STATES: [&str; 4] = ["waiting", "running", "handed_over", "failed"];

/// Uses the database's clock, like every statement of the queue.
const COUNT: &str = r"
    SELECT state, count(*), extract(epoch FROM now() - min(created_at))::float8,
        greatest(extract(epoch FROM now() - min(run_at)), 0)::float8
    FROM mainstay.jobs
    WHERE state <> 'done'
    GROUP BY state
";

const LAST_SUCCESSES: &str = r"
    SELECT name, coalesce(extract(epoch FROM succeeded_at), 0)::float8
    FROM mainstay.periodic_tasks
";

/// Sets the gauges of the queue and of periodic tasks.
///
/// # Errors
/// The error of the database. The gauges keep their values then.
pub async fn measure(database: &Database) -> Result<(), Error> {
    let unscoped = around(database);

    let counted = unscoped.select("jobs.count", COUNT, []).await?;
    let counted: Vec<(String, i64, f64, f64)> = counted
        .iter()
        .map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .collect::<Result<_, Error>>()?;

    for state in STATES {
        let number = counted
            .iter()
            .find(|(name, ..)| name == state)
            .map_or(0, |(_, number, ..)| *number);
        metrics::gauge!("jobs", "state" => state).set(number as f64);
    }

    let waiting = counted.iter().find(|(name, ..)| name == "waiting");
    metrics::gauge!("jobs_oldest_waiting_seconds").set(waiting.map_or(0.0, |(_, _, age, _)| *age));
    metrics::gauge!("jobs_overdue_seconds").set(waiting.map_or(0.0, |(_, _, _, overdue)| *overdue));

    for row in unscoped
        .select("periodic_tasks.list", LAST_SUCCESSES, [])
        .await?
    {
        let (task, succeeded): (String, f64) = (row.get(0)?, row.get(1)?);
        metrics::gauge!("periodic_task_last_success_timestamp_seconds", "task" => task)
            .set(succeeded);
    }

    Ok(())
}
