//! Looks through the audit log by the rules.

use std::{sync::Arc, time::Duration};

use mainstay_database::{Database, Error, Origin, Unscoped, Uuid, Value};
use mainstay_jobs::Periodic;
use mainstay_kernel::Timestamp;
use time::Duration as Span;

use crate::{
    LooksFor, Rule, Settings,
    finding::{Found, count, moment},
    webhook::Queue,
};

/// How late a record may become visible after the moment that it names, at most: events are looked at again for so long.
/// A statement ends sooner, and so does a transaction that does nothing (`statement_timeout`,
/// `idle_in_transaction_session_timeout`).
const LATE: Span = Span::minutes(5);

/// How much time of the log one statement looks through: after an outage, step by step.
const STEP: Span = Span::hours(1);

const MARK: &str = "SELECT looked_until FROM mainstay.watch_marks WHERE rule = $1";

/// Never back: another replica may have looked further.
const MOVE_MARK: &str = r"
    INSERT INTO mainstay.watch_marks AS m (rule, looked_until)
    VALUES ($1, $2)
    ON CONFLICT (rule) DO UPDATE SET looked_until = greatest(m.looked_until, excluded.looked_until)
    RETURNING rule
";

/// A subject that has not been found for so long is as good as one that never was.
const FORGET: &str = r"
    DELETE FROM mainstay.finding_subjects
    WHERE quiet_until < $1
    RETURNING rule
";

/// Looks through the audit log by its rules.
#[derive(Clone)]
pub struct Watch(Arc<Inner>);

struct Inner {
    rules: Vec<Rule>,
    interval: Duration,
    queue: Option<Queue>,
}

impl Watch {
    /// By the rules of the platform, with the thresholds of `settings`, and by `others`. A rule whose threshold is 0 is
    /// turned off.
    pub fn new(settings: &Settings, others: impl IntoIterator<Item = Rule>) -> Self {
        let rules: Vec<_> = settings
            .rules()
            .chain(others)
            .filter(|rule| rule.threshold > 0)
            .collect();

        // A counter that is not there before its first finding hides it from whoever asks how much it grew.
        rules.iter().for_each(|rule| count(rule, 0));

        let queue = settings.webhook.as_ref().map(|_| Queue);

        Self(Arc::new(Inner {
            rules,
            interval: settings.interval,
            queue,
        }))
    }

    /// The upkeep that looks, for the worker; none where watching is turned off.
    pub fn upkeep(&self) -> Option<Periodic> {
        let watch = self.clone();
        (!self.0.interval.is_zero()).then(|| {
            Periodic::new("audit.watch", self.0.interval, move |database| {
                let watch = watch.clone();
                async move { watch.look(&database).await.map(drop) }
            })
        })
    }

    /// Looks once, and gives the number of new findings. Any number of replicas may do it at once: each finding is one's.
    ///
    /// # Errors
    /// The first of what went wrong; the other rules are looked after all the same, and what was missed is looked for
    /// again.
    pub async fn look(&self, database: &Database) -> Result<usize, Error> {
        let around = around(database);
        let (mut found, mut failed) = (0, None);
        for rule in &self.0.rules {
            match self.look_for(&around, rule).await {
                Ok(count) => found += count,
                Err(error) => {
                    tracing::error!(rule = rule.name, %error, cause = error.cause(), "a rule does not work");
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

    async fn look_for(&self, around: &Unscoped, rule: &Rule) -> Result<usize, Error> {
        // The database's clock: a replica that is ahead would move the mark beyond what the others have yet to write.
        let now = around.database().now().await?;
        let rows = around
            .select("watch_marks.find", MARK, [rule.name.into()])
            .await?;

        // A rule that is new does not accuse anybody of what was long ago.
        let mut mark = rows
            .first()
            .map(|row| row.get(0))
            .transpose()?
            .unwrap_or(now - rule.quiet());

        let mut count = 0;
        loop {
            let until = now.min(mark + STEP);
            for found in self.find(around, rule, mark - LATE, until).await? {
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
        around: &Unscoped,
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

        let rows = around.select(rule.name, rule.text(), values).await?;
        rows.iter().map(Found::read).collect()
    }
}

fn around(database: &Database) -> Unscoped {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "watch",
        address: None,
    };
    Unscoped::because(
        "attacks are not limited to one organization",
        database,
        origin,
        None,
    )
}
