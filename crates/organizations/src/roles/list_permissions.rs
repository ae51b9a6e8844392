//! Lists the permissions that roles can grant.

use mainstay_database::FromRow;
use mainstay_http::{Allowed, Listing, Problem, get, view};

use super::permissions::RolesRead;

/// A permission, which operations require and roles grant.
#[view]
#[derive(FromRow)]
pub(super) struct PermissionView {
    /// The permission's name, such as `members.read`.
    name: String,
    /// What the permission allows.
    help: String,
    /// Whether the permission can change what others may do. Keys, secrets and tokens have it only
    /// if their scopes name it. A session must re-authenticate (step up) to use it.
    administrative: bool,
}

/// List the permissions that roles can grant.
#[get("/v1/permissions")]
pub(super) async fn list_permissions(
    by: Allowed<RolesRead>,
) -> Result<Listing<PermissionView>, Problem> {
    const LIST: &str = r"
        SELECT name, help, administrative
        FROM mainstay.permissions
        ORDER BY name
    ";

    let sql = by.sql();

    Ok(Listing {
        items: sql.query("permissions.list", LIST, []).await?,
    })
}
