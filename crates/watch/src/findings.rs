//! Findings, and the endpoint that lists them.

use mainstay_audit::{AuditRead, recorded_filters, recorded_name};
use mainstay_database::{Cursor, Direction, Entity, Filter, Id, Limit, Order, Uuid};
use mainstay_http::{Allowed, PageOf, Problem, Query, get, input, view};
use mainstay_kernel::{Timestamp, UserId};
use serde_json::{Value, json};

/// A finding, as it was written.
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

/// What a rule found in the audit log. It accuses nobody: it says where to look.
#[view]
pub(crate) struct FindingView {
    /// The finding; the audit log's record of it names it as `resource_id`.
    id: Id<FindingRow>,
    /// The rule.
    rule: String,
    /// How soon somebody should look: `low`, `medium` or `high`.
    severity: String,
    /// What it means.
    message: String,
    /// The account whose events were counted; null where they were counted by address.
    account_id: Option<Uuid>,
    /// The client's address or network, where the rule looks at it.
    address: Option<String>,
    /// How many events were counted when it was found. They may have gone on.
    events: i64,
    /// How many it takes.
    threshold: i64,
    /// Within how many seconds.
    window_seconds: i64,
    /// When the last of them happened.
    last_at: Timestamp,
    /// When it was found.
    found_at: Timestamp,
}

/// Which findings to list.
#[input]
pub(crate) struct ListFindings {
    /// How many.
    limit: Limit,
    /// Where to go on.
    cursor: Option<Cursor>,
    /// Only of this rule.
    #[garde(length(chars, min = 1, max = 100))]
    rule: Option<String>,
    /// Only about this account.
    account_id: Option<UserId>,
    /// Only what was found from this moment on.
    from: Option<Timestamp>,
    /// Only what was found before this moment.
    until: Option<Timestamp>,
}

impl ListFindings {
    /// What the record of the reading says was asked for.
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

/// List what the rules found in the audit log, newest first.
///
/// Each finding names the rule, whom it is about, and how much of what it counted. The records themselves are in the
/// audit log: filter it by the account and the time. Reading findings leaves a record, `finding.listed`, with the filters
/// that were used.
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
