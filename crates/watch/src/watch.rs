//! Evaluates the rules over the audit log.

use std::{sync::Arc, time::Duration};

use mainstay_database::{Database, Error, Origin, Sql, Uuid, Value};
use mainstay_jobs::Periodic;
use mainstay_kernel::Timestamp;
use time::Duration as Span;

use crate::{
    LooksFor, Rule, Settings,
    finding::{Found, count, moment},
    webhook::Queue,
};

/// Maximum time between the timestamp of a record and its commit. Each run reads this much of the
/// previous window again. `statement_timeout` and `idle_in_transaction_session_timeout` end
/// transactions sooner.
const OVERLAP: Span = Span::minutes(5);

/// How much of the log one statement checks. After an outage, a rule catches up in steps of this
/// size.
const STEP: Span = Span::hours(1);

const MARK: &str = "SELECT looked_until FROM mainstay.watch_marks WHERE rule = $1";

/// Never moves the mark backwards, because another replica may be ahead.
const MOVE_MARK: &str = r"
    INSERT INTO mainstay.watch_marks AS m (rule, looked_until)
    VALUES ($1, $2)
    ON CONFLICT (rule) DO UPDATE SET looked_until = greatest(m.looked_until, excluded.looked_until)
    RETURNING rule
";

/// Deletes subjects that are no longer quiet, and no longer needed.
const FORGET: &str = r"
    DELETE FROM mainstay.finding_subjects
    WHERE quiet_until < $1
    RETURNING rule
";

/// Checks the audit log against the rules.
#[derive(Clone)]
pub struct Watch(Arc<Inner>);

struct Inner {
    rules: Vec<Rule>,
    interval: Duration,
    queue: Option<Queue>,
}

impl Watch {
    /// Creates a watch of the platform's rules, with the thresholds in `settings`, and of `others`.
    /// A threshold of 0 disables a rule.
    pub fn new(settings: &Settings, others: impl IntoIterator<Item = Rule>) -> Self {
        let rules: Vec<_> = settings
            .rules()
            .chain(others)
            .filter(|rule| rule.threshold > 0)
            .collect();

        // A counter must exist before its first finding, or `increase()` misses that one.
        rules.iter().for_each(|rule| count(rule, 0));

        let queue = settings.webhook.as_ref().map(|_| Queue);

        Self(Arc::new(Inner {
            rules,
            interval: settings.interval,
            queue,
        }))
    }

    /// The periodic task that runs the rules; `None` if they are disabled.
    pub fn upkeep(&self) -> Option<Periodic> {
        let watch = self.clone();
        (!self.0.interval.is_zero()).then(|| {
            Periodic::new("audit.watch", self.0.interval, move |database| {
                let watch = watch.clone();
                async move { watch.look(&database).await.map(drop) }
            })
        })
    }

    /// Runs all rules once and returns the number of new findings. Several replicas may run it
    /// concurrently: each finding is stored once.
    ///
    /// # Errors
    /// The first error. The other rules still run, and a failed rule catches up at the next run.
    pub async fn look(&self, database: &Database) -> Result<usize, Error> {
        let around = around(database);
        let (mut found, mut failed) = (0, None);

        for rule in &self.0.rules {
            match self.look_for(&around, rule).await {
                Ok(count) => found += count,
                Err(error) => {
                    tracing::error!(rule = rule.name, %error, cause = error.cause(), "watch rule failed");
                    failed = failed.or(Some(error));
                }
            }
        }

        let forgotten = database.now().await? - Span::DAY;
        around
            .upkeep("finding_subjects.forget", FORGET, [moment(forgotten)])
            .await?;

        failed.map_or(Ok(found), Err)
    }

    async fn look_for(&self, around: &Sql, rule: &Rule) -> Result<usize, Error> {
        // The database's clock, because a replica whose clock is ahead would skip records of other
        // replicas.
        let now = around.database().now().await?;
        let marks: Vec<Timestamp> = around
            .query("watch_marks.find", MARK, [rule.name.into()])
            .await?;

        // A new rule does not look at the distant past.
        let mut mark = marks.first().copied().unwrap_or(now - rule.quiet());

        let mut count = 0;
        loop {
            let until = now.min(mark + STEP);
            for found in self.find(around, rule, mark - OVERLAP, until).await? {
                count += usize::from(found.write(around, rule, self.0.queue).await?);
            }

            around
                .upkeep(
                    "watch_marks.move",
                    MOVE_MARK,
                    [rule.name.into(), moment(until)],
                )
                .await?;

            if until >= now {
                return Ok(count);
            }

            mark = until;
        }
    }

    async fn find(
        &self,
        around: &Sql,
        rule: &Rule,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Found>, Error> {
        let mut values: Vec<Value> = vec![
            moment(since),
            moment(until),
            rule.window.as_secs_f64().into(),
            i64::from(rule.threshold).into(),
        ];

        if let LooksFor::Burst { of, .. } = rule.looks_for {
            values.push(
                of.iter()
                    .map(|action| (*action).to_owned())
                    .collect::<Vec<_>>()
                    .into(),
            );
        }

        around.query(rule.name, rule.text(), values).await
    }
}

fn around(database: &Database) -> Sql {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "watch",
        address: None,
    };
    Sql::unlimited(
        "A rule counts the records of all organizations.",
        database,
        origin,
        None,
    )
}
