//! What roles can grant.

use mainstay_database::{Error, Row};
use mainstay_http::{Allowed, Listing, Problem, get, view};

use super::permissions::RolesRead;

/// Something that an operation demands and a role grants.
#[view]
pub(super) struct PermissionView {
    /// `<resource>.<verb>`.
    name: String,
    /// What it allows.
    help: String,
    /// Whether it changes what others may do. Keys, secrets and tokens carry it only if their scopes name it; a session steps
    /// up before it is used.
    administrative: bool,
}

/// List what roles can grant.
#[get("/v1/permissions")]
pub(super) async fn list_permissions(
    by: Allowed<RolesRead>,
) -> Result<Listing<PermissionView>, Problem> {
    const LIST: &str = r"
        SELECT name, help, administrative
        FROM mainstay.permissions
        ORDER BY name
    ";

    let unscoped =
        by.unscoped("permissions are declared by the code and belong to no organization");

    let view = |row: &Row| -> Result<_, Error> {
        Ok(PermissionView {
            name: row.get(0)?,
            help: row.get(1)?,
            administrative: row.get(2)?,
        })
    };

    let rows = unscoped.select("permissions.list", LIST, []).await?;

    Ok(Listing {
        items: rows.iter().map(view).collect::<Result<_, _>>()?,
    })
}
