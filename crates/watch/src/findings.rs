//! Findings, and the endpoint that lists them.

use mainstay_audit::{AuditRead, recorded_filters, recorded_name};
use mainstay_database::{Cursor, Direction, Entity, Filter, Id, Limit, Order, Uuid};
use mainstay_http::{Allowed, PageOf, Problem, Query, get, input, view};
use mainstay_kernel::{Timestamp, UserId};
use serde_json::{Value, json};

/// A finding, as stored.
#[derive(Entity)]
#[entity(table = "mainstay.findings", resource = "finding")]
pub struct FindingRow {
    id: Id<FindingRow>,
    rule: String,
    severity: String,
    message: String,
    account_id: Option<Uuid>,
    address: Option<String>,
    events: i64,
    threshold: i64,
    window_seconds: i64,
    last_at: Timestamp,
    found_at: Timestamp,
}

/// A finding of a watch rule in the audit log. It is a hint where to investigate, not proof of
/// misconduct.
#[view]
pub(crate) struct FindingView {
    /// ID of the finding; its audit record has it as `resource_id`.
    id: Id<FindingRow>,
    /// Name of the rule.
    rule: String,
    /// Urgency: `low`, `medium` or `high`.
    severity: String,
    /// Meaning of the finding.
    message: String,
    /// Account whose events were counted; null if events were counted by address.
    account_id: Option<Uuid>,
    /// Client address or network, if the rule counts by address.
    address: Option<String>,
    /// Number of events counted when the rule matched. More may have followed.
    events: i64,
    /// Number of events at which the rule matches.
    threshold: i64,
    /// Time window of the rule, in seconds.
    window_seconds: i64,
    /// Time of the last event counted.
    last_at: Timestamp,
    /// Time of the finding.
    found_at: Timestamp,
}

/// Which findings to list.
#[input]
pub(crate) struct ListFindings {
    /// Maximum number of findings on the page.
    limit: Limit,
    /// Cursor of the next page.
    cursor: Option<Cursor>,
    /// Only findings of this rule.
    #[garde(length(chars, min = 1, max = 100))]
    rule: Option<String>,
    /// Only findings about this account.
    account_id: Option<UserId>,
    /// Only findings from this time on.
    from: Option<Timestamp>,
    /// Only findings before this time.
    until: Option<Timestamp>,
}

impl ListFindings {
    /// The filters, as recorded in the audit log.
    fn to_record(&self) -> Value {
        recorded_filters(json!({
            "rule": recorded_name(self.rule.as_deref()),
            "account_id": self.account_id,
            "from": self.from,
            "until": self.until,
            "is_further_page": self.cursor.is_some().then_some(true),
        }))
    }
}

/// List the findings of watch rules, newest first.
///
/// Each finding names the rule, the account or address, and the number of events. For the events
/// themselves, filter the audit log by account and time. Listing findings is recorded as
/// `finding.listed`, with the filters.
#[get("/v1/audit/findings")]
pub(crate) async fn list_findings(
    by: Allowed<AuditRead>,
    Query(query): Query<ListFindings>,
) -> Result<PageOf<FindingView>, Problem> {
    let asked = query.to_record();

    let filter = Filter::all()
        .equal(FindingRow::RULE, query.rule)
        .equal(
            FindingRow::ACCOUNT_ID,
            query.account_id.map(|id| Some(id.uuid())),
        )
        .at_least(FindingRow::FOUND_AT, query.from)
        .below(FindingRow::FOUND_AT, query.until);

    let newest_first = Order::by(FindingRow::ID, Direction::Descending);
    let page = by
        .page_on_record(
            filter,
            newest_first,
            query.limit,
            query.cursor.as_ref(),
            asked,
        )
        .await?;

    Ok(PageOf::new(page, view))
}

fn view(row: FindingRow) -> FindingView {
    FindingView {
        id: row.id,
        rule: row.rule,
        severity: row.severity,
        message: row.message,
        account_id: row.account_id,
        address: row.address,
        events: row.events,
        threshold: row.threshold,
        window_seconds: row.window_seconds,
        last_at: row.last_at,
        found_at: row.found_at,
    }
}
