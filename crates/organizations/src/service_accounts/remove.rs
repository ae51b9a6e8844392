//! Deletes a service account.

use mainstay_database::Change;
use mainstay_http::{CONFLICT, FreshOrScoped, NOT_FOUND, NoContent, Path, Problem, Shared, delete};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::{
    Principals,
    events::{Action, about_user},
    privilege::{EXCEEDS_OWN, held_by},
    standing,
};

use super::{find::refusal, permissions::ServiceAccountsManage};

/// Delete a service account with its keys, secrets and sessions.
///
/// Its audit records are kept.
#[delete("/v1/service-accounts/{id}", problems(NOT_FOUND, EXCEEDS_OWN))]
pub(super) async fn delete_service_account(
    by: FreshOrScoped<ServiceAccountsManage>,
    principals: Shared<Principals>,
    Path(id): Path<UserId>,
) -> Result<NoContent, Problem> {
    // Foreign keys delete the account's keys and secrets.
    const DELETE: &str = r"
        account AS (
            SELECT m.user_id
            FROM mainstay.memberships m
            JOIN mainstay.users u ON u.id = m.user_id AND u.kind = 'service'
            WHERE m.user_id = $1
              AND m.organization_id = $2
              AND EXISTS (SELECT FROM held)
              AND NOT mainstay.role_exceeds(m.role_id, $3, $4)
        ),
        changed AS (
            DELETE FROM mainstay.users u
            USING account a
            WHERE u.id = a.user_id
            RETURNING u.id, mainstay.forget_account(u.id)
        )
    ";

    let organization = by.principal().organization;
    let sql = by.sql();
    let [held, owner] = held_by(by.principal());

    let values = [
        id.uuid().into(),
        organization.map(OrganizationId::uuid).into(),
        held,
        owner,
    ];

    let event = about_user(Action::UserDeleted, Some(id), organization);
    let change = Change::new("service_accounts.delete", DELETE, values, event);
    let deleted = sql
        .change(change.given(standing::in_role(by.principal())))
        .await?;

    principals.forget_user(id);

    if deleted.is_empty() {
        Err(refusal(&by, id, CONFLICT).await)
    } else {
        Ok(NoContent)
    }
}
