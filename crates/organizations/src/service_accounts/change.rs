//! Changes a service account.

use mainstay_database::Change;
use mainstay_http::{
    CONFLICT, FreshOrScoped, Json, NOT_FOUND, Patch, Path, Problem, Shared, patch,
};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::{
    Principals,
    events::{Action, about_user},
    names::DisplayName,
    privilege::{EXCEEDS_OWN, held_by},
    standing,
};

use super::{
    bodies::{ServiceAccountView, UpdateServiceAccount},
    create::role_refusal,
    find::{get_account, refusal},
    permissions::ServiceAccountsManage,
};
use crate::roles::name::RoleName;

/// Change a service account.
///
/// The body is a merge patch: absent fields stay as they are. A patch that changes nothing is not
/// recorded in the audit log. Every replica refuses an inactive account within a second. You cannot
/// change an account that has permissions beyond yours.
#[patch("/v1/service-accounts/{id}", problems(NOT_FOUND, EXCEEDS_OWN))]
pub(super) async fn update_service_account(
    by: FreshOrScoped<ServiceAccountsManage>,
    principals: Shared<Principals>,
    Path(id): Path<UserId>,
    Json(body): Json<UpdateServiceAccount>,
) -> Result<Json<ServiceAccountView>, Problem> {
    const UPDATE: &str = r"
        account AS (
            SELECT m.user_id, m.role_id
            FROM mainstay.memberships m
            JOIN mainstay.users u ON u.id = m.user_id AND u.kind = 'service'
            WHERE m.user_id = $1
              AND m.organization_id = $2
              AND EXISTS (SELECT FROM held)
              AND NOT mainstay.role_exceeds(m.role_id, $3, $7)
            FOR UPDATE OF m
        ),
        role AS (
            SELECT r.id
            FROM (
                SELECT id
                FROM mainstay.roles
                WHERE name = $5::text AND (organization_id = $2 OR organization_id IS NULL)
                ORDER BY organization_id NULLS FIRST
                LIMIT 1
            ) r
            WHERE NOT mainstay.role_exceeds(r.id, $3, false)
            UNION ALL
            SELECT role_id
            FROM account
            WHERE $5 IS NULL
        ),
        found AS (SELECT account.user_id FROM account, role),
        changed AS (
            UPDATE mainstay.users u
            SET name = coalesce($4, u.name), active = coalesce($6, u.active)
            FROM account, role
            WHERE u.id = account.user_id
              AND (u.name, u.active, account.role_id) IS DISTINCT FROM (
                  coalesce($4, u.name), coalesce($6, u.active), role.id
              )
            RETURNING u.id
        ),
        member AS (
            UPDATE mainstay.memberships m
            SET role_id = role.id
            FROM changed, role
            WHERE m.user_id = changed.id
              AND m.organization_id = $2
              AND m.role_id <> role.id
        )
    ";

    let organization = by.principal().organization;
    let action = action(&body);
    let name: Option<String> = Option::from(body.name).map(DisplayName::into_string);
    let role: Option<String> =
        Option::from(body.role).map(|role: RoleName| role.as_str().to_owned());
    let active: Option<bool> = body.active.into();
    let [held, owner] = held_by(by.principal());

    let values = [
        id.uuid().into(),
        organization.map(OrganizationId::uuid).into(),
        held,
        name.into(),
        role.clone().into(),
        active.into(),
        owner,
    ];

    let sql = by.sql();
    let event = about_user(action, Some(id), organization);
    let change = Change::new("service_accounts.update", UPDATE, values, event)
        .given(standing::in_role(by.principal()))
        .answering("found");

    let found = sql.change(change).await?;
    principals.forget_user(id);

    if found.is_empty() {
        let problem = refusal(&by, id, CONFLICT).await;
        return Err(match role {
            Some(role) if problem.kind() == CONFLICT => role_refusal(&by, role, CONFLICT).await,
            _ => problem,
        });
    }

    Ok(Json(get_account(&by, id).await?.view))
}

/// The audit event of a patch. A patch of several fields is recorded as its most important change.
fn action(body: &UpdateServiceAccount) -> Action {
    match (&body.role, &body.active) {
        (Patch::Set(_), _) => Action::AuthzChange,
        (Patch::Absent, Patch::Set(false)) => Action::UserArchived,
        (Patch::Absent, Patch::Set(true)) => Action::UserRestored,
        (Patch::Absent, Patch::Absent) => Action::UserUpdated,
    }
}
