//! Lists the applications that a person has authorized, and withdraws their access.

use mainstay_database::{Change, FromRow, Id};
use mainstay_http::{
    InPerson, Listing, NOT_FOUND, NoContent, Path, Problem, Shared, delete, get, view,
};
use mainstay_kernel::{OrganizationId, Timestamp};
use mainstay_principals::{
    Principals,
    events::{Action, about},
};

/// Marks identifiers of grants: the access of an application to an account in an organization.
pub(super) enum Grant {}

/// An application that has access to your account.
#[view]
#[derive(FromRow)]
pub(super) struct ApplicationView {
    /// The id of the grant. An application has one grant for each organization.
    id: Id<Grant>,
    /// The application's client id.
    client_id: String,
    /// The application's name.
    name: String,
    /// Whether the application belongs to the service itself.
    first_party: bool,
    /// The organization that the application works in; null if the grant is for no organization.
    organization_id: Option<OrganizationId>,
    /// The granted scopes: permissions, or `profile`. The application may use the permissions that
    /// your role still grants.
    scopes: Vec<String>,
    /// When the application first got access.
    created_at: Timestamp,
    /// When you last gave your consent; null for an application of the service itself, which does
    /// not ask for it.
    consented_at: Option<Timestamp>,
    /// Number of active sessions of the application.
    sessions: i64,
}

/// List the applications that have access to your account, newest first.
///
/// Includes the applications of all your organizations.
#[get("/v1/me/applications")]
pub(super) async fn list_applications(by: InPerson) -> Result<Listing<ApplicationView>, Problem> {
    const LIST: &str = r"
        SELECT
            g.id,
            g.client_id,
            c.name,
            c.first_party,
            g.organization_id,
            g.scopes,
            g.created_at,
            g.consented_at,
            (
                SELECT count(*)
                FROM mainstay.sessions s
                WHERE s.grant_id = g.id
                  AND s.ended_at IS NULL
                  AND s.expires_at > $2
                  AND (s.idle_expires_at IS NULL OR s.idle_expires_at > $2)
            ) AS sessions
        FROM mainstay.oauth_grants g
        JOIN mainstay.oauth_clients c ON c.client_id = g.client_id
        WHERE g.user_id = $1
        ORDER BY g.id DESC
    ";

    let sql = by.sql();
    let now = sql.database().runtime().clock.now();
    let values = [by.principal().user.uuid().into(), now.inner().into()];

    Ok(Listing {
        items: sql.query("oauth_grants.list", LIST, values).await?,
    })
}

/// Withdraw an application's access to your account.
///
/// Its codes, sessions and tokens end at once on this replica, and within a second on every other.
/// The next time that you use the application, it asks for access again.
#[delete("/v1/me/applications/{id}", problems(NOT_FOUND))]
pub(super) async fn withdraw_application(
    by: InPerson,
    principals: Shared<Principals>,
    Path(id): Path<Id<Grant>>,
) -> Result<NoContent, Problem> {
    // Foreign keys delete the codes and sessions of the grant, including those that are created at
    // the same time.
    const WITHDRAW: &str = r"
        changed AS (
            DELETE FROM mainstay.oauth_grants
            WHERE id = $1 AND user_id = $2
            RETURNING id
        )
    ";

    let principal = by.principal();
    let sql = by.sql();

    let event = about(
        Action::ClientWithdrawn,
        "oauth_grant",
        Some(id.uuid()),
        principal.organization,
    );

    let values = [id.uuid().into(), principal.user.uuid().into()];
    let withdrawn = sql
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
