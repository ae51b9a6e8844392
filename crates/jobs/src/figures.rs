//! Metrics of the queue and of periodic tasks. Every process reports them, also those that run no
//! jobs, so that a stuck or missing worker is visible.

use mainstay_database::{Database, Error, FromRow};

use crate::queue::around;

/// Every state but `done`. All of them are set each time, because a gauge keeps its last value.
const STATES: [&str; 4] = ["waiting", "running", "handed_over", "failed"];

/// Uses the database's clock, like every statement of the queue.
const COUNT: &str = r"
    SELECT state, count(*) AS number, extract(epoch FROM now() - min(created_at))::float8 AS age,
        greatest(extract(epoch FROM now() - min(run_at)), 0)::float8 AS overdue
    FROM mainstay.jobs
    WHERE state <> 'done'
    GROUP BY state
";

const LAST_SUCCESSES: &str = r"
    SELECT name, coalesce(extract(epoch FROM succeeded_at), 0)::float8 AS succeeded
    FROM mainstay.periodic_tasks
";

/// The jobs in one state.
#[derive(FromRow)]
struct Counted {
    state: String,
    number: i64,
    /// Seconds since the oldest was queued.
    age: f64,
    /// Seconds since the first should have run.
    overdue: f64,
}

/// The last success of a periodic task, in seconds since 1970.
#[derive(FromRow)]
struct LastSuccess {
    name: String,
    succeeded: f64,
}

/// Sets the gauges of the queue and of periodic tasks.
///
/// # Errors
/// The error of the database. The gauges keep their values then.
pub async fn measure(database: &Database) -> Result<(), Error> {
    let sql = around(database);

    let counted: Vec<Counted> = sql.query("jobs.count", COUNT, []).await?;
    let of = |state| counted.iter().find(|it| it.state == state);

    for state in STATES {
        let number = of(state).map_or(0, |it| it.number);
        metrics::gauge!("jobs", "state" => state).set(number as f64);
    }

    let waiting = of("waiting");
    metrics::gauge!("jobs_oldest_waiting_seconds").set(waiting.map_or(0.0, |it| it.age));
    metrics::gauge!("jobs_overdue_seconds").set(waiting.map_or(0.0, |it| it.overdue));

    let successes: Vec<LastSuccess> = sql.query("periodic_tasks.list", LAST_SUCCESSES, []).await?;

    for task in successes {
        metrics::gauge!("periodic_task_last_success_timestamp_seconds", "task" => task.name)
            .set(task.succeeded);
    }

    Ok(())
}
