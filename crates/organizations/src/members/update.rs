//! Changes a member's role.

use mainstay_accounts::problems::LAST_OWNER;
use mainstay_database::{Change, Error};
use mainstay_http::{
    Allowed, FreshOrScoped, Json, NOT_FOUND, OnConstraint as _, Patch, Path, Problem, Shared,
    input, patch,
};
use mainstay_principals::{
    Principals,
    events::{Action, about_user},
    privilege::{EXCEEDS_OWN, held_by, refused},
    standing,
};

use super::{
    letters::notify_role_changed,
    permissions::MembersManage,
    row::{MemberId, MemberRow, MemberView},
    target::find_target,
};
use crate::roles::{name::RoleName, role::UNKNOWN_ROLE};

/// Changes to a member. Absent fields stay as they are.
#[input]
pub(super) struct UpdateMember {
    /// The name of the new role. It must not grant more than your own role.
    role: Patch<RoleName>,
}

/// Change a member's role.
///
/// The member is notified by e-mail. You can neither assign nor take away a role that grants more
/// than your own. Only an owner can make another member an owner. The last owner cannot get another
/// role.
#[patch(
    "/v1/members/{user_id}",
    problems(NOT_FOUND, UNKNOWN_ROLE, EXCEEDS_OWN, LAST_OWNER)
)]
pub(super) async fn update_member(
    by: FreshOrScoped<MembersManage>,
    principals: Shared<Principals>,
    Path(id): Path<MemberId>,
    Json(body): Json<UpdateMember>,
) -> Result<Json<MemberView>, Problem> {
    const UPDATE: &str = r"
        changed AS (
            UPDATE mainstay.memberships
            SET role_id = $4
            WHERE organization_id = $1
              AND user_id = $2
              AND role_id = $3
              AND EXISTS (SELECT FROM held)
              AND NOT mainstay.role_exceeds($3, $5, $6)
              AND NOT mainstay.role_exceeds($4, $5, $6)
            RETURNING
                user_id,
                jsonb_build_object('role', $7::text) AS before,
                jsonb_build_object('role', $8::text) AS after
        )
    ";

    if let Patch::Set(wanted) = &body.role {
        change_role(&by, &principals, id, wanted, UPDATE).await?;
    }

    Ok(Json(by.get::<MemberRow>(id).await?.view(&by.sql())?))
}

async fn change_role(
    by: &Allowed<MembersManage>,
    principals: &Principals,
    id: MemberId,
    wanted: &RoleName,
    clauses: &'static str,
) -> Result<(), Problem> {
    for _ in 0..3 {
        let member = find_target(by, id, Some(wanted.as_str()))
            .await?
            .ok_or_else(|| NOT_FOUND.problem())?;
        let (role, exceeds) = member.wanted.ok_or_else(|| UNKNOWN_ROLE.problem())?;
        if member.exceeds || exceeds {
            return Err(refused(by, "user", Some(id.uuid())).await);
        }
        if role == member.role {
            return Ok(());
        }

        let sql = by.sql();
        let notice = notify_role_changed(&sql, &member, wanted.as_str())?;
        let [held, owner] = held_by(by.principal());
        let values = [
            by.organization().into(),
            id.uuid().into(),
            member.role.into(),
            role.into(),
            held,
            owner,
            member.role_name.into(),
            wanted.as_str().into(),
        ];

        let event = about_user(
            Action::AuthzChange,
            Some(member.user),
            Some(by.organization().into()),
        );

        let given = standing::in_role(by.principal());
        let change = Change::new("memberships.update", clauses, values, event)
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
            return Ok(());
        }
        // The role was changed in the meantime: try again.
    }

    Err(Error::Contended.into())
}
