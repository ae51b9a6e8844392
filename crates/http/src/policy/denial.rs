//! Recording of denials in the audit log.

use std::sync::Arc;

use mainstay_access::Principal;
use mainstay_database::{Event, Origin, PersonDoor, Sql};

use crate::App;

/// Records a denial as an audit event (`authz_fail` of the OWASP logging vocabulary). If recording
/// fails, the request is still denied.
pub(super) async fn record_denial(app: App, origin: Origin, principal: Arc<Principal>) {
    let own = PersonDoor::own(principal.clone(), origin, app.database().clone());

    write_denial(&own.sql(), &principal).await;
}

pub(super) async fn write_denial(log: &Sql, principal: &Principal) {
    let event = Event {
        action: "authz_fail".to_owned(),
        resource: "operation",
        resource_id: None,
        organization: principal.organization,
    };
    if let Err(error) = log.record(event).await {
        tracing::error!(%error, cause = error.cause(), "recording a denial failed");
    }
}
