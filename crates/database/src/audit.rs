//! The audit record that a write carries: its event, its origin and its columns.

use std::net::IpAddr;

use mainstay_access::Principal;
use mainstay_kernel::{OrganizationId, Runtime, Uuid};
use sea_query::Value;

use crate::{Column as _, column::moment};

/// The origin of a statement: a request, or an operator's command.
#[derive(Clone, Debug)]
pub struct Origin {
    /// ID of the request, as in the response header `X-Request-Id` and in the logs.
    pub request: Uuid,
    /// The operation ID of the API, or the name of the command.
    pub operation: &'static str,
    /// The client's address, if there is one.
    pub address: Option<IpAddr>,
}

/// An event to record in the audit log.
#[derive(Clone, Debug)]
pub struct Event {
    /// Kind of event, such as `customer.updated`.
    pub action: String,
    /// Kind of row.
    pub resource: &'static str,
    /// ID of the row, if there is one.
    pub resource_id: Option<Uuid>,
    /// The organization; `None` if it is unknown, as at a failed sign-in.
    pub organization: Option<OrganizationId>,
}

/// The columns of a record that each statement sets, in the order of [`record`].
pub(crate) const COLUMNS: &str = concat!(
    "id, occurred_at, organization_id, actor_id, session_id, action, operation, ",
    "resource, resource_id, request_id, address",
);

/// Number of values of [`record`].
pub(crate) const WIDTH: usize = 11;

/// Positions of the time and the actor among them, starting at 0.
pub(crate) const OCCURRED_AT: usize = 1;
pub(crate) const ACTOR: usize = 3;

/// The values of a record, in the order of [`COLUMNS`].
///
/// An operator's command has the nil session, and its record has no actor, because no one signed in
/// for it.
pub(crate) fn record(
    runtime: &Runtime,
    actor: Option<&Principal>,
    origin: &Origin,
    event: Event,
) -> [Value; WIDTH] {
    let actor = actor.filter(|principal| !principal.session.uuid().is_nil());

    [
        Value::Uuid(Some(runtime.new_id::<Event>().uuid())),
        moment(runtime.clock.now()),
        Value::Uuid(event.organization.map(|organization| organization.uuid())),
        Value::Uuid(actor.map(|principal| principal.user.uuid())),
        Value::Uuid(actor.map(|principal| principal.session.uuid())),
        Value::String(Some(event.action)),
        Value::String(Some(origin.operation.to_owned())),
        Value::String(Some(event.resource.to_owned())),
        event
            .resource_id
            .map_or_else(Uuid::null, |id| Value::Uuid(Some(id))),
        Value::Uuid(Some(origin.request)),
        Value::String(origin.address.map(|address| address.to_string())),
    ]
}

/// The placeholders `$first, $first+1, …` of `count` values.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    (first..first + count)
        .map(|position| format!("${position}"))
        .collect::<Vec<_>>()
        .join(", ")
}
