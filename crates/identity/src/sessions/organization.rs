use mainstay_database::Change;
use mainstay_http::{InPerson, Json, NOT_FOUND, NoContent, Problem, Shared, input, put};
use mainstay_kernel::OrganizationId;

use crate::{
    Identity,
    events::{Action, about_session},
};

/// Where to work from now on.
#[input]
pub(super) struct MoveSession {
    /// An organization that one is a member of.
    organization_id: OrganizationId,
}

/// Work in another organization.
///
/// The session goes on with the role that one has there.
#[put("/v1/sessions/current/organization", problems(NOT_FOUND))]
pub(super) async fn move_session(
    by: InPerson,
    identity: Shared<Identity>,
    Json(body): Json<MoveSession>,
) -> Result<NoContent, Problem> {
    const MOVE: &str = "changed AS (UPDATE sessions s SET organization_id = m.organization_id FROM memberships m \
         WHERE s.id = $1 AND m.user_id = s.user_id AND m.organization_id = $2 RETURNING s.id)";
    let principal = by.principal();
    let unscoped = by.unscoped("which organization the session works in is what changes");
    let event = about_session(Action::SessionMoved, principal.session, Some(body.organization_id));
    let values = [principal.session.uuid().into(), body.organization_id.uuid().into()];
    let moved = unscoped.change(Change::new("sessions.move", MOVE, values, event)).await?;
    identity.forget_session(principal.session);
    if moved.is_empty() { Err(NOT_FOUND.problem()) } else { Ok(NoContent) }
}
