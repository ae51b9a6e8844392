//! The audit record that a write carries: its event, its origin and its columns.

use std::net::IpAddr;

use mainstay_access::Principal;
use mainstay_kernel::{OrganizationId, Runtime, Uuid};
use sea_query::Value;

use crate::{Column as _, column::moment};

/// Where a statement comes from: the request, or the command that an operator ran.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The request, as in the answer's `X-Request-Id` and in the logs.
    pub request: Uuid,
    /// The operation of the API document, or the name of the command.
    pub operation: &'static str,
    /// The client's address, where there is one.
    pub address: Option<IpAddr>,
}

/// What the audit log is told of a change. The vocabulary of actions is the audit room's.
#[derive(Clone, Debug)]
pub struct Event {
    /// What was done, as in `customer.updated`.
    pub action: String,
    /// The kind of row.
    pub resource: &'static str,
    /// The row, where there is one.
    pub resource_id: Option<Uuid>,
    /// Whose event it is; `None` where no organization is known, as at a failed sign-in.
    pub organization: Option<OrganizationId>,
}

/// The columns of a record that each statement fills, in the order of [`record`].
pub(crate) const COLUMNS: &str = "id, occurred_at, organization_id, actor_id, session_id, action, operation, resource, resource_id, request_id, address";

/// How many values [`record`] gives.
pub(crate) const WIDTH: usize = 11;

/// Where the moment and the actor stand among them, from 0.
pub(crate) const OCCURRED_AT: usize = 1;
pub(crate) const ACTOR: usize = 3;

/// The values of a record, in the order of [`COLUMNS`].
///
/// A command on the server has no session (the nil UUID), and so its record names no account: nobody signed in for it.
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

/// `$first, $first+1, …`: the placeholders of `count` values.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    (first..first + count)
        .map(|position| format!("${position}"))
        .collect::<Vec<_>>()
        .join(", ")
}
