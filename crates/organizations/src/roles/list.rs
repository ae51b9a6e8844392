//! Lists the roles of an organization.

use mainstay_http::{Allowed, Json, Listing, NOT_FOUND, Path, Problem, get};

use super::{
    permissions::RolesRead,
    role::{RoleId, RoleView, find},
};

/// List roles: the built-in ones, then the organization's own.
#[get("/v1/roles")]
pub(super) async fn list_roles(by: Allowed<RolesRead>) -> Result<Listing<RoleView>, Problem> {
    const LIST: &str = r"
        SELECT
            r.id,
            r.name,
            r.organization_id IS NULL,
            ARRAY(
                SELECT permission
                FROM mainstay.role_permissions
                WHERE role_id = r.id
                ORDER BY permission
            ),
            r.version
        FROM mainstay.roles r
        WHERE r.organization_id = $1 OR r.organization_id IS NULL
        ORDER BY r.organization_id NULLS FIRST, r.id
    ";

    let rows = by.select("roles.list", LIST, []).await?;

    Ok(Listing {
        items: rows.iter().map(RoleView::read).collect::<Result<_, _>>()?,
    })
}

/// Show a role.
#[get("/v1/roles/{id}", problems(NOT_FOUND))]
pub(super) async fn get_role(
    by: Allowed<RolesRead>,
    Path(id): Path<RoleId>,
) -> Result<Json<RoleView>, Problem> {
    let (role, _) = find(&by, id).await?.ok_or_else(|| NOT_FOUND.problem())?;
    Ok(Json(role))
}
