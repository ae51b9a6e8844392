//! A finding of a rule, and how it is recorded.

use mainstay_database::{Change, Error, Event, FromRow, Id, Sql, Uuid, Value};
use mainstay_kernel::{OrganizationId, Timestamp};
use serde_json::json;

use crate::{Rule, findings::FindingRow, webhook::Queue};

/// A match of a rule: the subject, and the number of events counted.
#[derive(FromRow)]
pub(crate) struct Found {
    #[from_row(column = "organization_id")]
    organization: Option<Uuid>,
    account: Option<Uuid>,
    address: Option<String>,
    last_at: Timestamp,
    events: i64,
}

/// Inserts a finding unless the subject is still quiet. If several replicas find the same, only the
/// one that moves `quiet_until` forward inserts it.
const WRITE: &str = r"
    subject AS (
        INSERT INTO mainstay.finding_subjects AS s (
            rule, organization_id, account_id, address, quiet_until
        )
        VALUES ($2, $3, $4, $5, $6)
        ON CONFLICT ON CONSTRAINT finding_subjects_key DO UPDATE SET quiet_until = excluded.quiet_until
        WHERE s.quiet_until <= $7
        RETURNING rule
    ),
    changed AS (
        INSERT INTO mainstay.findings (
            id, rule, organization_id, account_id, address, last_at, found_at, severity, message,
            events, threshold, window_seconds
        )
        SELECT $1, $2, $3, $4, $5, $7, $8, $9, $10, $11, $12, $13
        FROM subject
        RETURNING id, NULL::jsonb AS before,
            jsonb_build_object(
                'rule', rule, 'severity', severity, 'account_id', account_id, 'events', events,
                'threshold', threshold
            ) AS after
    )
";

impl Found {
    /// Writes the finding, its audit record and its webhook job in one statement, then counts and
    /// logs it. Returns whether the finding is new.
    pub(crate) async fn write(
        self,
        around: &Sql,
        rule: &Rule,
        queue: Option<Queue>,
    ) -> Result<bool, Error> {
        let runtime = around.database().runtime();
        let (id, now): (Id<FindingRow>, _) = (runtime.new_id(), runtime.clock.now());

        let Self {
            organization,
            account,
            address,
            last_at,
            events,
        } = self;

        let event = Event {
            action: "security.finding".to_owned(),
            resource: "finding",
            resource_id: Some(id.uuid()),
            organization: organization.map(OrganizationId::from),
        };

        let job = queue.map(|queue| {
            // Without the address, because the receiver may be a third party. Authorized people
            // read it through the API.
            let finding = json!({
                "id": id,
                "rule": rule.name,
                "severity": rule.severity.name(),
                "message": rule.message,
                "organization_id": organization,
                "account_id": account,
                "last_at": last_at,
                "events": events,
                "threshold": rule.threshold,
                "window_seconds": rule.window.as_secs(),
            });

            queue.job(around, id.uuid(), now, &finding)
        });

        let values = [
            id.uuid().into(),
            rule.name.into(),
            organization.into(),
            account.into(),
            address.into(),
            moment(last_at + rule.quiet()),
            moment(last_at),
            moment(now),
            rule.severity.name().into(),
            rule.message.into(),
            events.into(),
            i64::from(rule.threshold).into(),
            i64::try_from(rule.window.as_secs())
                .unwrap_or(i64::MAX)
                .into(),
        ];

        let change = Change::new("findings.insert", WRITE, values, event)
            .showing_rows()
            .queue(job.transpose()?);

        if around.change(change).await?.is_empty() {
            return Ok(false);
        }

        count(rule, 1);
        let severity = rule.severity.name();
        tracing::warn!(finding = %id, rule = rule.name, severity, events, "security finding: {}", rule.message);

        Ok(true)
    }
}

/// Adds to the metric of findings.
pub(crate) fn count(rule: &Rule, findings: u64) {
    let (name, severity) = (rule.name, rule.severity.name());
    metrics::counter!("security_findings_total", "rule" => name, "severity" => severity)
        .increment(findings);
}

/// The SQL value of a timestamp.
pub(crate) fn moment(moment: Timestamp) -> Value {
    Value::TimeDateTimeWithTimeZone(Some(moment.inner()))
}
