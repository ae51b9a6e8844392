//! Lists the roles of an organization.

use mainstay_http::{Allowed, Json, Listing, NOT_FOUND, Path, Problem, get};

use super::{
    permissions::RolesRead,
    role::{RoleId, RoleView, find},
};
use crate::relations::{RolePermissions, Roles};

/// List roles: the built-in ones, then the organization's own.
#[get("/v1/roles")]
pub(super) async fn list_roles(by: Allowed<RolesRead>) -> Result<Listing<RoleView>, Problem> {
    const LIST: &str = r"
        SELECT
            r.id,
            r.name,
            r.organization_id IS NULL AS built_in,
            ARRAY(
                SELECT permission
                FROM role_permissions
                WHERE role_id = r.id
                ORDER BY permission
            ) AS permissions,
            r.version
        FROM roles r
        ORDER BY r.organization_id NULLS FIRST, r.id
    ";

    let items = by
        .query::<(Roles, RolePermissions), _>("roles.list", LIST, [])
        .await?;

    Ok(Listing { items })
}

/// Show a role.
#[get("/v1/roles/{id}", problems(NOT_FOUND))]
pub(super) async fn get_role(
    by: Allowed<RolesRead>,
    Path(id): Path<RoleId>,
) -> Result<Json<RoleView>, Problem> {
    let found = find(&by, id).await?.ok_or_else(|| NOT_FOUND.problem())?;
    Ok(Json(found.role))
}
