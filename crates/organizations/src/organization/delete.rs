//! Deletes an organization.

use http::StatusCode;
use mainstay_database::{Change, ConstraintKind, Error};
use mainstay_http::{Allowed, Fresh, Kind, NoContent, Problem, Shared, delete};
use mainstay_kernel::OrganizationId;
use mainstay_principals::{
    Principals,
    events::{Action, about},
    standing,
};

use super::permissions::OrganizationDelete;

/// The organization still has other members, service accounts or rows of a feature.
const ORGANIZATION_NOT_EMPTY: Kind = Kind::new(
    StatusCode::CONFLICT,
    "organization_not_empty",
    "The organization has other members, service accounts or data. Remove them first.",
);

/// Delete the organization that the session works in.
///
/// The organization must be empty: you are its last member, and no feature has data of it. Its
/// roles and invitations are deleted, and the sessions that work in it end. Its audit records are
/// kept.
#[delete("/v1/organization", problems(ORGANIZATION_NOT_EMPTY))]
pub(super) async fn delete_current_organization(
    by: Fresh<Allowed<OrganizationDelete>>,
    principals: Shared<Principals>,
) -> Result<NoContent, Problem> {
    // The foreign keys of the features refuse the deletion while rows are left. They are checked at
    // the end of the statement.
    const DELETE: &str = r"
        alone AS (
            SELECT 1
            FROM mainstay.memberships
            WHERE organization_id = $1
            HAVING count(*) = 1 AND bool_and(user_id = $2)
        ),
        changed AS (
            DELETE FROM mainstay.organizations o
            USING alone
            WHERE o.id = $1
              AND EXISTS (SELECT FROM held)
            RETURNING o.id, jsonb_build_object('name', o.name) AS before, NULL::jsonb AS after
        ),
        left_by AS (
            DELETE FROM mainstay.memberships m
            USING changed
            WHERE m.organization_id = changed.id
        ),
        withdrawn AS (
            DELETE FROM mainstay.invitations i
            USING changed
            WHERE i.organization_id = changed.id
            RETURNING mainstay.destroy_data_key(i.data_key)
        ),
        granted AS (
            DELETE FROM mainstay.role_permissions p
            USING mainstay.roles r, changed
            WHERE p.role_id = r.id AND r.organization_id = changed.id
        ),
        made AS (
            DELETE FROM mainstay.roles r
            USING changed
            WHERE r.organization_id = changed.id
        ),
        ended AS (
            UPDATE mainstay.sessions s
            SET ended_at = $3
            FROM changed
            WHERE s.organization_id = changed.id AND s.ended_at IS NULL
        )
    ";

    let (organization, user): (OrganizationId, _) = (by.organization().into(), by.principal().user);
    let now = principals.runtime().clock.now();
    let values = [
        organization.uuid().into(),
        user.uuid().into(),
        now.inner().into(),
    ];

    let event = about(
        Action::OrganizationDeleted,
        "organization",
        Some(organization.uuid()),
        Some(organization),
    );

    let given = standing::in_role(by.principal());
    let change = Change::new("organizations.delete", DELETE, values, event)
        .given(given)
        .showing_rows();
    let sql = by.sql();
    if sql.change(change).await.map_err(not_empty)?.is_empty() {
        return Err(ORGANIZATION_NOT_EMPTY.problem());
    }

    principals.forget_user(user);

    Ok(NoContent)
}

fn not_empty(error: Error) -> Problem {
    match &error {
        Error::Constraint {
            kind: ConstraintKind::ForeignKey,
            ..
        } => ORGANIZATION_NOT_EMPTY.problem(),
        _ => error.into(),
    }
}
