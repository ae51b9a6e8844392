//! Moves a session to another organization.

use mainstay_database::Change;
use mainstay_http::{InPerson, Json, NOT_FOUND, NoContent, Problem, Shared, input, put};
use mainstay_kernel::OrganizationId;
use mainstay_principals::{
    events::{Action, about_session},
    standing::{self, Hold},
};

use crate::accounts::Accounts;

/// The organization to switch to.
#[input]
pub(super) struct MoveSession {
    /// An organization that you are a member of.
    organization_id: OrganizationId,
}

/// Switch the current session to another organization.
///
/// From then on, the session has your role in that organization.
#[put("/v1/sessions/current/organization", problems(NOT_FOUND))]
pub(super) async fn move_session(
    by: InPerson,
    accounts: Shared<Accounts>,
    Json(body): Json<MoveSession>,
) -> Result<NoContent, Problem> {
    // The lock on the membership makes a concurrent removal wait; it then ends the session.
    const MOVE: &str = r"
        changed AS (
            UPDATE mainstay.sessions
            SET organization_id = $2
            WHERE id = $1
              AND ended_at IS NULL
              AND EXISTS (SELECT FROM held)
            RETURNING id
        )
    ";

    let principal = by.principal();
    let sql = by.sql();

    let values = [
        principal.session.uuid().into(),
        body.organization_id.uuid().into(),
    ];
    let event = about_session(
        Action::SessionMoved,
        principal.session,
        Some(body.organization_id),
    );
    let given = [
        standing::active(principal.user, Hold::Shared),
        standing::member(principal.user, body.organization_id),
    ];

    let moved = sql
        .change(Change::new("sessions.move", MOVE, values, event).given(given))
        .await?;
    accounts.principals.forget_session(principal.session);

    if moved.is_empty() {
        return Err(standing::ended_or(&sql, principal, NOT_FOUND.problem()).await);
    }

    Ok(NoContent)
}
