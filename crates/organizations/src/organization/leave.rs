//! Removes the caller from an organization.

use mainstay_accounts::problems::LAST_OWNER;
use mainstay_database::Change;
use mainstay_http::{
    Fresh, InPerson, NOT_FOUND, NoContent, OnConstraint as _, Path, Problem, Shared, delete,
};
use mainstay_kernel::OrganizationId;
use mainstay_principals::{
    Principals,
    events::{Action, about_user},
    standing,
};

/// Leave an organization.
///
/// Your sessions in the organization end, including this one if it works there. The last owner
/// cannot leave.
#[delete("/v1/organizations/{id}/membership", problems(NOT_FOUND, LAST_OWNER))]
pub(super) async fn leave_organization(
    by: Fresh<InPerson>,
    principals: Shared<Principals>,
    Path(id): Path<OrganizationId>,
) -> Result<NoContent, Problem> {
    const LEAVE: &str = r"
        changed AS (
            DELETE FROM mainstay.memberships m
            USING mainstay.roles r
            WHERE m.user_id = $1
              AND m.organization_id = $2
              AND r.id = m.role_id
              AND EXISTS (SELECT FROM held)
            RETURNING
                m.user_id,
                jsonb_build_object('role', r.name) AS before,
                NULL::jsonb AS after,
                mainstay.end_sessions(m.user_id, $2, NULL, $3)
        )
    ";

    let (user, now) = (by.principal().user, principals.runtime().clock.now());
    let sql = by.sql();
    let values = [user.uuid().into(), id.uuid().into(), now.inner().into()];
    let event = about_user(Action::MembershipDeleted, Some(user), Some(id));
    let given = [standing::organization(id)];

    let change = Change::new("memberships.leave", LEAVE, values, event)
        .given(given)
        .showing_rows();
    let left = sql
        .change(change)
        .await
        .on_constraint("memberships_last_owner", LAST_OWNER)?;

    principals.forget_user(user);

    if left.is_empty() {
        Err(NOT_FOUND.problem())
    } else {
        Ok(NoContent)
    }
}
