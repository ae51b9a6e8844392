//! The applications that a person has allowed something: listed, and withdrawn.

use mainstay_database::{Change, Error, Id, Row, Uuid};
use mainstay_http::{
    InPerson, Listing, NOT_FOUND, NoContent, Path, Problem, Shared, delete, get, view,
};
use mainstay_kernel::{OrganizationId, Timestamp};
use mainstay_principals::{
    Principals,
    events::{Action, about},
};

/// What a person allows an application in an organization.
pub(super) enum Grant {}

/// An application that has been given access to one's account.
#[view]
pub(super) struct ApplicationView {
    /// Which; for each organization, it is another one.
    id: Id<Grant>,
    /// What the application calls itself.
    client_id: String,
    /// What it is called.
    name: String,
    /// Whether it belongs to the service itself.
    first_party: bool,
    /// Where it works; null where one works in no organization.
    organization_id: Option<OrganizationId>,
    /// Everything that it was given there: permissions, or `profile`. It may do what the role grants at the time.
    scopes: Vec<String>,
    /// When it was first given something.
    created_at: Timestamp,
    /// When one last agreed; null for an application of the service itself, which need not ask.
    consented_at: Option<Timestamp>,
    /// How many sessions it has.
    sessions: i64,
}

/// List the applications that have access to one's account, newest first.
///
/// Those of every organization that one works in.
#[get("/v1/me/applications")]
pub(super) async fn list_applications(by: InPerson) -> Result<Listing<ApplicationView>, Problem> {
    const LIST: &str = r"
        SELECT g.id, g.client_id, c.name, c.first_party, g.organization_id, g.scopes, g.created_at,
            g.consented_at,
            (
                SELECT count(*)
                FROM mainstay.sessions s
                WHERE s.grant_id = g.id
                  AND s.ended_at IS NULL
                  AND s.expires_at > $2
                  AND (s.idle_expires_at IS NULL OR s.idle_expires_at > $2)
            )
        FROM mainstay.oauth_grants g
        JOIN mainstay.oauth_clients c ON c.client_id = g.client_id
        WHERE g.user_id = $1
        ORDER BY g.id DESC
    ";

    let unscoped = by.unscoped("what a person allows belongs to them, wherever they work");
    let now = unscoped.database().runtime().clock.now();
    let rows = unscoped
        .select(
            "oauth_grants.list",
            LIST,
            [by.principal().user.uuid().into(), now.inner().into()],
        )
        .await?;

    Ok(Listing {
        items: rows.iter().map(read).collect::<Result<_, _>>()?,
    })
}

fn read(row: &Row) -> Result<ApplicationView, Error> {
    Ok(ApplicationView {
        id: row.get(0)?,
        client_id: row.get(1)?,
        name: row.get(2)?,
        first_party: row.get(3)?,
        organization_id: row.get::<Option<Uuid>>(4)?.map(OrganizationId::from),
        scopes: row.get(5)?,
        created_at: row.get(6)?,
        consented_at: row.get(7)?,
        sessions: row.get(8)?,
    })
}

/// Withdraw an application's access to one's account.
///
/// Its codes, sessions and tokens end at once here, and within a second on every replica. The next time it is used, it has
/// to ask again.
#[delete("/v1/me/applications/{id}", problems(NOT_FOUND))]
pub(super) async fn withdraw_application(
    by: InPerson,
    principals: Shared<Principals>,
    Path(id): Path<Id<Grant>>,
) -> Result<NoContent, Problem> {
    // Codes and sessions stand on the grant by their foreign keys, so that none that is given at this moment stays.
    const WITHDRAW: &str = r"
        changed AS (
            DELETE FROM mainstay.oauth_grants
            WHERE id = $1 AND user_id = $2
            RETURNING id
        )
    ";

    let principal = by.principal();
    let unscoped = by.unscoped("what a person allows belongs to them, wherever they work");

    let event = about(
        Action::ClientWithdrawn,
        "oauth_grant",
        Some(id.uuid()),
        principal.organization,
    );

    let values = [id.uuid().into(), principal.user.uuid().into()];
    let withdrawn = unscoped
        .change(Change::new(
            "oauth_grants.withdraw",
            WITHDRAW,
            values,
            event,
        ))
        .await?;

    principals.forget_user(principal.user);

    if withdrawn.is_empty() {
        Err(NOT_FOUND.problem())
    } else {
        Ok(NoContent)
    }
}
