//! Signing out, and ending other sessions.

use mainstay_access::Principal;
use mainstay_database::{Change, Error, Event, Row, Unscoped};
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

/// Sign out: end the session that asks.
///
/// Its tokens are refused at once here, and within a second by every replica.
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
    let unscoped = by.unscoped("a session is the caller's own, named by the token");
    let now = accounts.runtime().clock.now();
    let ended = about_session(
        Action::TokenRevoked,
        principal.session,
        principal.organization,
    );

    let values = [principal.session.uuid().into(), now.inner().into()];
    end(
        &unscoped,
        &accounts,
        Change::new("sessions.end", END, values, ended),
    )
    .await?;

    Ok(WithHeaders(
        NoContent,
        clearing_cookie().into_iter().collect(),
    ))
}

/// End one of one's sessions.
///
/// For a device that was lost, or a sign-in that one does not recognise.
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
    let unscoped = by.unscoped("a session belongs to its person, wherever they work in it");
    let now = accounts.runtime().clock.now();
    let ended = about_session(Action::TokenRevoked, id, principal.organization);
    let values = [
        id.uuid().into(),
        principal.user.uuid().into(),
        now.inner().into(),
    ];

    let ended = end(
        &unscoped,
        &accounts,
        Change::new("sessions.end_own", END, values, ended),
    )
    .await?;

    if ended == 0 {
        Err(NOT_FOUND.problem())
    } else {
        Ok(NoContent)
    }
}

/// End all of one's sessions but the one that asks.
///
/// Codes that an application has not exchanged yet are worth nothing from then on.
#[delete("/v1/sessions")]
pub(super) async fn delete_other_sessions(
    by: InPerson,
    accounts: Shared<Accounts>,
) -> Result<NoContent, Problem> {
    let principal = by.principal();
    let unscoped = by.unscoped("sessions belong to their person, wherever they work in them");
    let event = about_session(
        Action::TokenRevoked,
        principal.session,
        principal.organization,
    );
    if !end_others(&unscoped, &accounts, principal, event).await? {
        return Err(UNAUTHENTICATED
            .problem()
            .caused_by("the session ended meanwhile"));
    }

    Ok(NoContent)
}

/// Ends every session of a person but the one that asks. `false` when that one has ended, too, and nothing happened.
///
/// # Errors
/// As the database answers.
async fn end_others(
    unscoped: &Unscoped,
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
    let ended = !unscoped.change(change).await?.is_empty();

    accounts.principals.forget_user(by.user);

    Ok(ended)
}

/// Ends the sessions that `change` names, and forgets them here at once. Gives their number.
async fn end(unscoped: &Unscoped, accounts: &Accounts, change: Change) -> Result<usize, Error> {
    let rows = unscoped.change(change).await?;
    for row in &rows {
        accounts.principals.forget_session(session(row)?);
    }
    Ok(rows.len())
}

fn session(row: &Row) -> Result<SessionId, Error> {
    row.get(0)
}
