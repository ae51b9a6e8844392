//! Deletes a role.

use http::StatusCode;
use mainstay_database::{Change, ConstraintKind, Error, IfMatch};
use mainstay_http::{FreshOrScoped, Kind, NOT_FOUND, NoContent, Path, Problem, delete};
use mainstay_principals::{
    events::{Action, about},
    privilege::{EXCEEDS_OWN, held_by},
    standing,
};

use super::{
    permissions::RolesManage,
    role::{BUILT_IN_ROLE, RoleId, find_to_change, organization, shown},
};

/// A member has the role, or a person is invited to it.
const ROLE_IN_USE: Kind = Kind::new(
    StatusCode::CONFLICT,
    "role_in_use",
    "A member has this role, or a person is invited with it. Assign them another role first.",
);

/// Delete a role that is not in use.
#[delete(
    "/v1/roles/{id}",
    problems(NOT_FOUND, BUILT_IN_ROLE, EXCEEDS_OWN, ROLE_IN_USE)
)]
pub(super) async fn delete_role(
    by: FreshOrScoped<RolesManage>,
    Path(id): Path<RoleId>,
    if_match: IfMatch,
) -> Result<NoContent, Problem> {
    const DELETE: &str = r"
        changed AS (
            DELETE FROM mainstay.roles
            WHERE id = $2
              AND organization_id = $1
              AND version = $3
              AND EXISTS (SELECT FROM held)
              AND NOT mainstay.role_exceeds(id, $5, $6)
            RETURNING id, $4::jsonb AS before, NULL::jsonb AS after
        ),
        taken AS (
            DELETE FROM mainstay.role_permissions p
            USING changed
            WHERE p.role_id = changed.id
        )
    ";

    for _ in 0..3 {
        let role = find_to_change(&by, id, &if_match).await?;
        let before = shown(&role.name, &role.permissions.into_iter().collect());
        let [held, owner] = held_by(by.principal());
        let values = [
            by.organization().into(),
            id.uuid().into(),
            role.version.into(),
            before.into(),
            held,
            owner,
        ];

        let event = about(
            Action::RoleDeleted,
            "role",
            Some(id.uuid()),
            organization(&by),
        );

        let given = standing::in_role(by.principal());
        let change = Change::new("roles.delete", DELETE, values, event)
            .given(given)
            .showing_rows();
        let sql = by.sql();
        if !sql.change(change).await.map_err(in_use)?.is_empty() {
            return Ok(NoContent);
        }
    }

    Err(Error::Contended.into())
}

fn in_use(error: Error) -> Problem {
    match &error {
        Error::Constraint {
            kind: ConstraintKind::ForeignKey,
            ..
        } => ROLE_IN_USE.problem(),
        _ => error.into(),
    }
}
