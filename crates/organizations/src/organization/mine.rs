//! Lists the organizations that the caller belongs to.

use mainstay_database::{Error, FromRow, Sql};
use mainstay_http::{InPerson, Json, Listing, NOT_FOUND, Path, Problem, get, view};
use mainstay_kernel::{OrganizationId, Timestamp, UserId};

/// An organization that you belong to.
#[view]
#[derive(FromRow)]
pub(crate) struct OwnOrganizationView {
    /// The organization's id.
    pub(super) id: OrganizationId,
    /// The organization's name.
    pub(super) name: String,
    /// The name of your role in the organization.
    pub(super) role: String,
    /// When you joined the organization.
    pub(super) joined_at: Timestamp,
}

/// List your organizations, in the order in which you joined them.
///
/// Use `PUT /v1/sessions/current/organization` to switch to another one.
#[get("/v1/organizations")]
pub(super) async fn list_organizations(
    by: InPerson,
) -> Result<Listing<OwnOrganizationView>, Problem> {
    let sql = by.sql();
    Ok(Listing {
        items: find(&sql, by.principal().user, None).await?,
    })
}

/// Show one of your organizations.
#[get("/v1/organizations/{id}", problems(NOT_FOUND))]
pub(super) async fn get_organization(
    by: InPerson,
    Path(id): Path<OrganizationId>,
) -> Result<Json<OwnOrganizationView>, Problem> {
    let sql = by.sql();
    let found = find(&sql, by.principal().user, Some(id)).await?;
    found
        .into_iter()
        .next()
        .map(Json)
        .ok_or_else(|| NOT_FOUND.problem())
}

async fn find(
    sql: &Sql,
    user: UserId,
    organization: Option<OrganizationId>,
) -> Result<Vec<OwnOrganizationView>, Error> {
    const LIST: &str = r"
        SELECT o.id, o.name, r.name AS role, m.created_at AS joined_at
        FROM mainstay.memberships m
        JOIN mainstay.organizations o ON o.id = m.organization_id
        JOIN mainstay.roles r ON r.id = m.role_id
        WHERE m.user_id = $1 AND ($2::uuid IS NULL OR o.id = $2)
        ORDER BY m.created_at, o.id
    ";

    let values = [
        user.uuid().into(),
        organization.map(OrganizationId::uuid).into(),
    ];

    sql.query("organizations.of_user", LIST, values).await
}
