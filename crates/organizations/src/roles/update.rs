//! Changes a role.

use std::collections::BTreeSet;

use mainstay_database::{Change, Error, IfMatch};
use mainstay_http::{FreshOrScoped, Json, NOT_FOUND, Patch, Path, Problem, Shared, input, patch};
use mainstay_principals::{
    Principals,
    events::{Action, about},
    privilege::{EXCEEDS_OWN, held_by},
    standing,
};

use super::{
    name::{NewRoleName, PermissionNames},
    permissions::RolesManage,
    role::{
        BUILT_IN_ROLE, ROLE_NAME_TAKEN, RoleId, RoleView, check_held, find_to_change, name_taken,
        organization, shown,
    },
};

/// Changes to a role. Absent fields stay as they are.
#[input]
pub(super) struct UpdateRole {
    /// The role's name, unique in the organization.
    name: Patch<NewRoleName>,
    /// The permissions that the role grants. The list replaces the present one. You must hold all
    /// of them.
    permissions: Patch<PermissionNames>,
}

/// Change a role.
///
/// The change applies to all members who have the role, on every replica within a second. You must
/// hold the permissions that the role grants now as well as those that it is to grant.
#[patch(
    "/v1/roles/{id}",
    problems(NOT_FOUND, BUILT_IN_ROLE, EXCEEDS_OWN, ROLE_NAME_TAKEN)
)]
pub(super) async fn update_role(
    by: FreshOrScoped<RolesManage>,
    principals: Shared<Principals>,
    Path(id): Path<RoleId>,
    if_match: IfMatch,
    Json(body): Json<UpdateRole>,
) -> Result<Json<RoleView>, Problem> {
    // The version covers the role's permissions, too: a concurrent change of them increments it.
    const UPDATE: &str = r"
        changed AS (
            UPDATE mainstay.roles
            SET name = $4, version = version + 1
            WHERE id = $2
              AND organization_id = $1
              AND version = $3
              AND EXISTS (SELECT FROM held)
              AND NOT mainstay.role_exceeds(id, $8, $9)
            RETURNING id, $6::jsonb AS before, $7::jsonb AS after
        ),
        taken AS (
            DELETE FROM mainstay.role_permissions p
            USING changed
            WHERE p.role_id = changed.id AND p.permission <> ALL ($5::text[])
        ),
        granted AS (
            INSERT INTO mainstay.role_permissions (role_id, permission)
            SELECT changed.id, permission
            FROM changed, unnest($5::text[]) AS permission
            ON CONFLICT ON CONSTRAINT role_permissions_pkey DO NOTHING
        )
    ";

    let (name, wanted) = (Option::from(body.name), Option::from(body.permissions));
    let wanted = wanted.map(PermissionNames::into_set);

    for _ in 0..3 {
        let role = find_to_change(&by, id, &if_match).await?;
        let before: BTreeSet<_> = role.permissions.iter().cloned().collect();
        let permissions = wanted.clone().unwrap_or_else(|| before.clone());

        check_held(&by, &permissions).await?;
        let name = name
            .as_ref()
            .map_or(role.name.as_str(), NewRoleName::as_str)
            .to_owned();
        if name == role.name && permissions == before {
            return Ok(Json(role));
        }

        let permissions_list: Vec<_> = permissions.iter().cloned().collect();
        let [held, owner] = held_by(by.principal());
        let values = [
            by.organization().into(),
            id.uuid().into(),
            role.version.into(),
            name.clone().into(),
            permissions_list.clone().into(),
            shown(&role.name, &before).into(),
            shown(&name, &permissions).into(),
            held,
            owner,
        ];

        let event = about(
            Action::PermissionsChanged,
            "role",
            Some(id.uuid()),
            organization(&by),
        );

        let given = standing::in_role(by.principal());
        let change = Change::new("roles.update", UPDATE, values, event)
            .given(given)
            .showing_rows();
        let sql = by.sql();
        if !sql.change(change).await.map_err(name_taken)?.is_empty() {
            principals.forget_role(id.uuid());
            let version = role.version + 1;
            return Ok(Json(RoleView {
                id,
                name,
                built_in: false,
                permissions: permissions_list,
                version,
            }));
        }
        // The role was changed in the meantime: try again.
    }

    Err(Error::Contended.into())
}
