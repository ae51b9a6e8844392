//! The records of the audit log, and the endpoint that lists them.

use mainstay_database::{Cursor, Direction, Entity, Filter, Id, Limit, Order, Uuid};
use mainstay_http::{Allowed, PageOf, Problem, Query, Request, get, input, view};
use mainstay_kernel::{Timestamp, UserId};
use serde_json::{Value, json};

use crate::{
    field_changes::{FieldChange, changes},
    recorded_query::{recorded_filters, recorded_name},
};

mainstay_access::permission! {
    /// Read the audit log.
    pub AuditRead = "audit.read", for [Owner, Auditor];
}

/// A record of the audit log.
#[derive(Entity)]
#[entity(table = "mainstay.audit_events", resource = "audit_event")]
pub struct AuditEventRow {
    id: Id<AuditEventRow>,
    occurred_at: Timestamp,
    actor_id: Option<Uuid>,
    session_id: Option<Uuid>,
    action: String,
    operation: String,
    resource: String,
    resource_id: Option<Uuid>,
    request_id: Uuid,
    address: Option<String>,
    before: Option<serde_json::Value>,
    after: Option<serde_json::Value>,
}

/// A record of the audit log: who did what, to which row, when and from where.
#[view]
pub(crate) struct AuditEventView {
    /// ID of the record.
    id: Id<AuditEventRow>,
    /// Time of the event.
    occurred_at: Timestamp,
    /// Account that acted; null before sign-in.
    actor_id: Option<Uuid>,
    /// Session of the account.
    session_id: Option<Uuid>,
    /// Kind of event, such as `customer.updated`.
    action: String,
    /// API operation, or operator command.
    operation: String,
    /// Kind of row.
    resource: String,
    /// ID of the row.
    resource_id: Option<Uuid>,
    /// ID of the request, as in the response header `X-Request-Id`.
    request_id: Uuid,
    /// Address of the client.
    address: Option<String>,
    /// Changed fields. Values of personal fields stay sealed.
    changes: Vec<FieldChange>,
}

/// A row of any table.
enum AnyRow {}

/// Which records to list.
#[input]
pub(crate) struct ListAuditEvents {
    /// Maximum number of records on the page.
    limit: Limit,
    /// Cursor of the next page.
    cursor: Option<Cursor>,
    /// Only records of this action.
    #[garde(length(chars, min = 1, max = 100))]
    action: Option<String>,
    /// Only records of actions by this account.
    actor_id: Option<UserId>,
    /// Only records about this row.
    resource_id: Option<Id<AnyRow>>,
    /// Only records of this request.
    request_id: Option<Id<Request>>,
    /// Only records from this time on.
    from: Option<Timestamp>,
    /// Only records before this time.
    until: Option<Timestamp>,
}

impl ListAuditEvents {
    /// The filters, as recorded in the audit log.
    fn to_record(&self) -> Value {
        recorded_filters(json!({
            "action": recorded_name(self.action.as_deref()),
            "actor_id": self.actor_id,
            "resource_id": self.resource_id,
            "request_id": self.request_id,
            "from": self.from,
            "until": self.until,
            "is_further_page": self.cursor.is_some().then_some(true),
        }))
    }
}

/// List the audit log, newest first.
///
/// Each record says who did what, to which row, when, from where and in which request. Records
/// cannot be changed. Listing them is recorded as `audit_event.listed`, with the filters.
#[get("/v1/audit/events")]
pub(crate) async fn list_audit_events(
    by: Allowed<AuditRead>,
    Query(query): Query<ListAuditEvents>,
) -> Result<PageOf<AuditEventView>, Problem> {
    let asked = query.to_record();

    let filter = Filter::all()
        .equal(AuditEventRow::ACTION, query.action)
        .equal(
            AuditEventRow::ACTOR_ID,
            query.actor_id.map(|id| Some(id.uuid())),
        )
        .equal(
            AuditEventRow::RESOURCE_ID,
            query.resource_id.map(|id| Some(id.uuid())),
        )
        .equal(AuditEventRow::REQUEST_ID, query.request_id.map(Id::uuid))
        .at_least(AuditEventRow::OCCURRED_AT, query.from)
        .below(AuditEventRow::OCCURRED_AT, query.until);

    let newest_first = Order::by(AuditEventRow::ID, Direction::Descending);
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

fn view(row: AuditEventRow) -> AuditEventView {
    AuditEventView {
        id: row.id,
        occurred_at: row.occurred_at,
        actor_id: row.actor_id,
        session_id: row.session_id,
        action: row.action,
        operation: row.operation,
        resource: row.resource,
        resource_id: row.resource_id,
        request_id: row.request_id,
        address: row.address,
        changes: changes(row.before.as_ref(), row.after.as_ref()),
    }
}
