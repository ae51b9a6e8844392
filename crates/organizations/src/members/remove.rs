//! Removes a member.

use mainstay_accounts::problems::LAST_OWNER;
use mainstay_database::{Change, Error};
use mainstay_http::{
    FreshOrScoped, NOT_FOUND, NoContent, OnConstraint as _, Path, Problem, Shared, delete,
};
use mainstay_principals::{
    Principals,
    events::{Action, about_user},
    privilege::{EXCEEDS_OWN, held_by, refused},
    standing,
};

use super::{
    letters::notify_removed, permissions::MembersManage, row::MemberId, target::find_target,
};

/// Remove a member.
///
/// Their sessions in the organization end, on every replica within a second, and they are notified
/// by e-mail. Their account and the rows that they created are kept.
#[delete("/v1/members/{user_id}", problems(NOT_FOUND, EXCEEDS_OWN, LAST_OWNER))]
pub(super) async fn delete_member(
    by: FreshOrScoped<MembersManage>,
    principals: Shared<Principals>,
    Path(id): Path<MemberId>,
) -> Result<NoContent, Problem> {
    const DELETE: &str = r"
        changed AS (
            DELETE FROM mainstay.memberships
            WHERE organization_id = $1
              AND user_id = $2
              AND role_id = $3
              AND EXISTS (SELECT FROM held)
              AND NOT mainstay.role_exceeds($3, $4, $5)
            RETURNING
                user_id,
                jsonb_build_object('role', $6::text) AS before,
                NULL::jsonb AS after,
                mainstay.end_sessions(user_id, $1, NULL, $7)
        )
    ";

    for _ in 0..3 {
        let member = find_target(&by, id, None)
            .await?
            .ok_or_else(|| NOT_FOUND.problem())?;
        if member.exceeds {
            return Err(refused(&by, "user", Some(id.uuid())).await);
        }

        let sql = by.sql();
        let notice = notify_removed(&sql, &member)?;
        let [held, owner] = held_by(by.principal());
        let values = [
            by.organization().into(),
            id.uuid().into(),
            member.role.into(),
            held,
            owner,
            member.role_name.into(),
            principals.runtime().clock.now().inner().into(),
        ];

        let event = about_user(
            Action::MembershipDeleted,
            Some(member.user),
            Some(by.organization().into()),
        );

        let given = standing::in_role(by.principal());
        let change = Change::new("memberships.delete", DELETE, values, event)
            .given(given)
            .showing_rows()
            .queue(notice);
        if !sql
            .change(change)
            .await
            .on_constraint("memberships_last_owner", LAST_OWNER)?
            .is_empty()
        {
            principals.forget_user(member.user);
            return Ok(NoContent);
        }
        // The role was changed in the meantime: try again.
    }

    Err(Error::Contended.into())
}
