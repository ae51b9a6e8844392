//! Ends sessions: the caller's own, or others of the same account.

use mainstay_access::Principal;
use mainstay_database::{Change, Error, Event, Row, Sql};
use mainstay_http::{
    InPerson, NOT_FOUND, NoContent, Path, Problem, Shared, SignedIn, UNAUTHENTICATED, WithHeaders,
    delete,
};
use mainstay_kernel::SessionId;
use mainstay_principals::{
    events::{Action, about_session},
    session_cookie::clearing_cookie,
    standing::{self, Hold},
};

use crate::accounts::Accounts;

/// Sign out: end the current session.
///
/// Every replica refuses its tokens within a second.
#[delete("/v1/sessions/current")]
pub(super) async fn delete_current_session(
    by: SignedIn,
    accounts: Shared<Accounts>,
) -> Result<WithHeaders<NoContent>, Problem> {
    const END: &str = r"
        changed AS (
            UPDATE mainstay.sessions
            SET ended_at = $2
            WHERE id = $1 AND ended_at IS NULL
            RETURNING id
        )
    ";

    let principal = by.principal();
    let sql = by.sql();
    let now = accounts.runtime().clock.now();

    let values = [principal.session.uuid().into(), now.inner().into()];
    let event = about_session(
        Action::TokenRevoked,
        principal.session,
        principal.organization,
    );
    end(
        &sql,
        &accounts,
        Change::new("sessions.end", END, values, event),
    )
    .await?;

    Ok(WithHeaders(
        NoContent,
        clearing_cookie().into_iter().collect(),
    ))
}

/// End one of your sessions.
///
/// Use this when a device is lost, or for a sign-in that you do not recognise.
#[delete("/v1/sessions/{id}", problems(NOT_FOUND))]
pub(super) async fn delete_session(
    by: InPerson,
    accounts: Shared<Accounts>,
    Path(id): Path<SessionId>,
) -> Result<NoContent, Problem> {
    const END: &str = r"
        changed AS (
            UPDATE mainstay.sessions
            SET ended_at = $3
            WHERE id = $1 AND user_id = $2 AND ended_at IS NULL
            RETURNING id
        )
    ";

    let principal = by.principal();
    let sql = by.sql();
    let now = accounts.runtime().clock.now();

    let values = [
        id.uuid().into(),
        principal.user.uuid().into(),
        now.inner().into(),
    ];
    let event = about_session(Action::TokenRevoked, id, principal.organization);
    let ended = end(
        &sql,
        &accounts,
        Change::new("sessions.end_own", END, values, event),
    )
    .await?;

    if ended == 0 {
        Err(NOT_FOUND.problem())
    } else {
        Ok(NoContent)
    }
}

/// End all of your sessions except the current one.
///
/// Authorization codes that an application has not exchanged yet become invalid.
#[delete("/v1/sessions")]
pub(super) async fn delete_other_sessions(
    by: InPerson,
    accounts: Shared<Accounts>,
) -> Result<NoContent, Problem> {
    let principal = by.principal();
    let sql = by.sql();
    let event = about_session(
        Action::TokenRevoked,
        principal.session,
        principal.organization,
    );

    if !end_others(&sql, &accounts, principal, event).await? {
        return Err(UNAUTHENTICATED.problem().caused_by("the session has ended"));
    }

    Ok(NoContent)
}

/// Ends every session of the account except the caller's. Returns `false`, and ends none, if the
/// caller's session has ended.
///
/// # Errors
/// The error of the database.
async fn end_others(
    sql: &Sql,
    accounts: &Accounts,
    by: &Principal,
    event: Event,
) -> Result<bool, Error> {
    const END: &str = "changed AS (SELECT mainstay.end_sessions($1, NULL, $2, $3) FROM held)";

    let now = accounts.runtime().clock.now();
    let values = [
        by.user.uuid().into(),
        by.session.uuid().into(),
        now.inner().into(),
    ];

    let change = Change::new("sessions.end_others", END, values, event)
        .given(standing::in_person(by, Hold::Alone));
    let ended = !sql.change(change).await?.is_empty();

    accounts.principals.forget_user(by.user);

    Ok(ended)
}

/// Makes `change`, which ends sessions, and removes them from this process's cache. Returns their
/// number.
async fn end(sql: &Sql, accounts: &Accounts, change: Change) -> Result<usize, Error> {
    let rows = sql.change(change).await?;
    let sessions: Vec<SessionId> = Row::read_all(&rows)?;
    for session in &sessions {
        accounts.principals.forget_session(*session);
    }

    Ok(sessions.len())
}
