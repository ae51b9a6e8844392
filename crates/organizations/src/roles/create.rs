//! Creates a role.

use http::StatusCode;
use mainstay_database::Change;
use mainstay_http::{Created, FreshOrScoped, Json, Kind, Problem, Shared, input, post};
use mainstay_principals::{
    Principals,
    events::{Action, about},
    privilege::EXCEEDS_OWN,
    standing,
};

use super::{
    name::{NewRoleName, PermissionNames},
    permissions::RolesManage,
    role::{ROLE_NAME_TAKEN, RoleId, RoleView, check_held, name_taken, organization, shown},
};

/// The organization has reached [`MOST`].
const TOO_MANY_ROLES: Kind = Kind::new(
    StatusCode::CONFLICT,
    "too_many_roles",
    "An organization can have at most 100 roles of its own. Delete one that is not needed.",
);

/// Maximum number of roles of an organization, without the built-in ones.
const MOST: i64 = 100;

/// A new role.
#[input]
pub(super) struct CreateRole {
    /// The role's name, unique in the organization.
    name: NewRoleName,
    /// The permissions that the role grants. You must hold all of them.
    permissions: PermissionNames,
}

/// Create a role.
#[post("/v1/roles", problems(EXCEEDS_OWN, ROLE_NAME_TAKEN, TOO_MANY_ROLES))]
pub(super) async fn create_role(
    by: FreshOrScoped<RolesManage>,
    principals: Shared<Principals>,
    Json(body): Json<CreateRole>,
) -> Result<Created<RoleView>, Problem> {
    const CREATE: &str = r"
        changed AS (
            INSERT INTO mainstay.roles (id, organization_id, name)
            SELECT $2, $1, $3
            FROM held
            WHERE mainstay.has_room('roles', $1, $5, $7)
            RETURNING id, NULL::jsonb AS before, $6::jsonb AS after
        ),
        granted AS (
            INSERT INTO mainstay.role_permissions (role_id, permission)
            SELECT changed.id, permission
            FROM changed, unnest($4::text[]) AS permission
        )
    ";

    let permissions = body.permissions.into_set();
    check_held(&by, &permissions).await?;

    let id: RoleId = principals.runtime().new_id();
    let name = body.name.as_str().to_owned();
    let values = [
        by.organization().into(),
        id.uuid().into(),
        name.clone().into(),
        permissions.iter().cloned().collect::<Vec<_>>().into(),
        MOST.into(),
        shown(&name, &permissions).into(),
        principals.runtime().clock.now().inner().into(),
    ];

    let event = about(
        Action::RoleCreated,
        "role",
        Some(id.uuid()),
        organization(&by),
    );

    let given = standing::in_role(by.principal());
    let change = Change::new("roles.insert", CREATE, values, event)
        .given(given)
        .showing_rows();
    let sql = by.sql();
    if sql.change(change).await.map_err(name_taken)?.is_empty() {
        return Err(standing::role_lost_or(&sql, by.principal(), TOO_MANY_ROLES.problem()).await);
    }

    let permissions = permissions.into_iter().collect();

    Ok(Created(RoleView {
        id,
        name,
        built_in: false,
        permissions,
        version: 1,
    }))
}
