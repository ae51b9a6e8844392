//! Lists and ends a member's sessions in the organization.

use mainstay_database::{Change, FromRow, values};
use mainstay_http::{
    Allowed, FreshOrScoped, Listing, NOT_FOUND, NoContent, Path, Problem, Shared, delete, get, view,
};
use mainstay_kernel::{SessionId, Timestamp};
use mainstay_principals::{
    Principals,
    events::{Action, about_session, about_user},
    privilege::{EXCEEDS_OWN, held_by, refused},
    standing,
};

use super::{permissions::MembersManage, row::MemberId, target::find_target};
use crate::relations::Sessions;

/// Ends all sessions. The membership is locked first, so that no session starts at the same time.
const END_ALL: &str = r"
    member AS (
        SELECT user_id
        FROM mainstay.memberships
        WHERE organization_id = $1
          AND user_id = $2
          AND EXISTS (SELECT FROM held)
          AND NOT mainstay.role_exceeds(role_id, $4, $5)
        FOR UPDATE
    ),
    ended AS (
        SELECT mainstay.end_sessions(user_id, $1, NULL, $3) AS ids
        FROM member
    ),
    changed AS (
        SELECT ids
        FROM ended
        WHERE cardinality(ids) > 0
    )
";

/// Ends the session `$6`.
const END_ONE: &str = r"
    changed AS (
        UPDATE mainstay.sessions
        SET ended_at = $3
        WHERE organization_id = $1
          AND user_id = $2
          AND id = $6
          AND ended_at IS NULL
          AND EXISTS (SELECT FROM held)
          AND NOT mainstay.member_exceeds($2, $1, $4, $5)
        RETURNING id
    )
";

/// A session of a member. Its IP address and its device are shown only to the member.
#[view]
#[derive(FromRow)]
pub(super) struct MemberSessionView {
    /// The session's id.
    id: SessionId,
    /// `token`, `cookie`, or `client` for the session of an authorized application.
    kind: String,
    /// The client id of the authorized application; null for other kinds.
    client_id: Option<String>,
    /// When the session started.
    created_at: Timestamp,
    /// When the session was last used, to the minute.
    last_used_at: Option<Timestamp>,
    /// When the session ends at the latest.
    expires_at: Timestamp,
}

/// List a member's sessions in the organization, newest first.
#[get("/v1/members/{user_id}/sessions", problems(NOT_FOUND))]
pub(super) async fn list_member_sessions(
    by: Allowed<MembersManage>,
    principals: Shared<Principals>,
    Path(id): Path<MemberId>,
) -> Result<Listing<MemberSessionView>, Problem> {
    const LIST: &str = r"
        SELECT id, kind, client_id, created_at, last_used_at, expires_at
        FROM sessions
        WHERE user_id = $1
          AND ended_at IS NULL
          AND expires_at > $2
          AND (idle_expires_at IS NULL OR idle_expires_at > $2)
        ORDER BY id DESC
        LIMIT 1000
    ";

    find_target(&by, id, None)
        .await?
        .ok_or_else(|| NOT_FOUND.problem())?;

    let now = principals.runtime().clock.now();
    let items = by
        .query::<(Sessions,), _>("sessions.list_of_member", LIST, values![id, now])
        .await?;

    Ok(Listing { items })
}

/// End all of a member's sessions in the organization.
///
/// Every replica refuses the sessions within a second.
#[delete("/v1/members/{user_id}/sessions", problems(NOT_FOUND, EXCEEDS_OWN))]
pub(super) async fn delete_member_sessions(
    by: FreshOrScoped<MembersManage>,
    principals: Shared<Principals>,
    Path(id): Path<MemberId>,
) -> Result<NoContent, Problem> {
    end(&by, &principals, id, None).await?;
    Ok(NoContent)
}

/// End one of a member's sessions in the organization.
#[delete(
    "/v1/members/{user_id}/sessions/{session_id}",
    problems(NOT_FOUND, EXCEEDS_OWN)
)]
pub(super) async fn delete_member_session(
    by: FreshOrScoped<MembersManage>,
    principals: Shared<Principals>,
    Path((id, session)): Path<(MemberId, SessionId)>,
) -> Result<NoContent, Problem> {
    if end(&by, &principals, id, Some(session)).await? {
        Ok(NoContent)
    } else {
        Err(NOT_FOUND.problem())
    }
}

/// Ends one or all of a member's sessions. Returns whether any was ended.
async fn end(
    by: &Allowed<MembersManage>,
    principals: &Principals,
    id: MemberId,
    session: Option<SessionId>,
) -> Result<bool, Problem> {
    let member = find_target(by, id, None)
        .await?
        .ok_or_else(|| NOT_FOUND.problem())?;
    if member.exceeds {
        return Err(refused(by, "user", Some(id.uuid())).await);
    }

    let organization = Some(by.organization().into());
    let event = match session {
        Some(session) => about_session(Action::TokenRevoked, session, organization),
        None => about_user(Action::TokenRevoked, Some(member.user), organization),
    };
    let now = principals.runtime().clock.now();
    let [held, owner] = held_by(by.principal());

    let values = [
        by.organization().into(),
        id.uuid().into(),
        now.inner().into(),
        held,
        owner,
    ]
    .into_iter()
    .chain(session.map(|session| session.uuid().into()));

    let clauses = if session.is_some() { END_ONE } else { END_ALL };
    let sql = by.sql();
    let change = Change::new("sessions.end_of_member", clauses, values, event);
    let ended = sql
        .change(change.given(standing::in_role(by.principal())))
        .await?;

    principals.forget_user(member.user);

    // The member may have been promoted in the meantime.
    if ended.is_empty()
        && find_target(by, id, None)
            .await?
            .is_some_and(|member| member.exceeds)
    {
        return Err(refused(by, "user", Some(id.uuid())).await);
    }

    Ok(!ended.is_empty())
}
