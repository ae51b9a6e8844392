//! Transfers the ownership of an organization to another member.

use mainstay_accounts::problems::LAST_OWNER;
use mainstay_database::Change;
use mainstay_http::{
    Allowed, Fresh, Json, NOT_FOUND, NoContent, OnConstraint as _, Problem, Shared, input, put,
};
use mainstay_kernel::UserId;
use mainstay_principals::{
    Principals,
    events::{Action, about_user},
    privilege::{EXCEEDS_OWN, refused},
    standing,
};

use super::permissions::OrganizationHandOver;
use crate::{
    members::{
        letters::{notify_ownership_transferred, notify_role_changed},
        target::find_target,
    },
    roles::built_in::{MANAGER, OWNER},
};

/// The new owner of the organization.
#[input]
pub(super) struct HandOver {
    /// The id of the new owner, a member whose account is active.
    user_id: UserId,
}

/// Transfer the ownership of the organization.
///
/// Only for owners. The member becomes an owner, and you become a manager. Both of you are notified
/// by e-mail.
#[put("/v1/organization/owner", problems(NOT_FOUND, EXCEEDS_OWN, LAST_OWNER))]
pub(super) async fn hand_over_organization(
    by: Fresh<Allowed<OrganizationHandOver>>,
    principals: Shared<Principals>,
    Json(body): Json<HandOver>,
) -> Result<NoContent, Problem> {
    const HAND_OVER: &str = r"
        agreed AS (
            SELECT theirs.user_id, theirs.role_id
            FROM mainstay.memberships mine
            JOIN mainstay.memberships theirs
                ON theirs.organization_id = mine.organization_id
                AND theirs.user_id = $3
                AND theirs.user_id <> $2
            JOIN mainstay.users u ON u.id = theirs.user_id AND u.kind = 'person' AND u.active
            WHERE mine.organization_id = $1
              AND mine.user_id = $2
              AND mine.role_id = $4
              AND EXISTS (SELECT FROM held)
            FOR UPDATE OF mine
            FOR UPDATE OF theirs
        ),
        moved AS (
            UPDATE mainstay.memberships m
            SET role_id = CASE WHEN m.user_id = $3 THEN $4::uuid ELSE $5::uuid END
            FROM agreed
            WHERE m.organization_id = $1 AND m.user_id IN ($2, $3)
            RETURNING m.user_id
        ),
        changed AS (
            SELECT
                r.name,
                jsonb_build_object('owner', $2::uuid, 'role', r.name) AS before,
                jsonb_build_object('owner', $3::uuid, 'role', 'owner') AS after
            FROM agreed
            JOIN mainstay.roles r ON r.id = agreed.role_id
            WHERE EXISTS (SELECT FROM moved)
        )
    ";

    let (me, them) = (by.principal().user, body.user_id);
    let old = find_target(&by, me.uuid().into(), None)
        .await?
        .ok_or_else(|| NOT_FOUND.problem())?;
    if old.role != OWNER {
        // A role of the organization can grant the permission, but does not make its holder an
        // owner.
        return Err(refused(&**by, "organization", Some(by.organization())).await);
    }

    let new = find_target(&by, them.uuid().into(), None)
        .await?
        .ok_or_else(|| NOT_FOUND.problem())?;
    let sql = by.sql();

    let values = [
        by.organization().into(),
        me.uuid().into(),
        them.uuid().into(),
        OWNER.into(),
        MANAGER.into(),
    ];

    let event = about_user(
        Action::OwnerChanged,
        Some(them),
        Some(by.organization().into()),
    );

    let change = Change::new("memberships.hand_over", HAND_OVER, values, event)
        .given(standing::in_role(by.principal()))
        .showing_rows()
        .queue(notify_role_changed(&sql, &new, "owner")?)
        .queue(notify_ownership_transferred(&sql, &old)?);

    let changed = sql
        .change(change)
        .await
        .on_constraint("memberships_last_owner", LAST_OWNER)?;
    if changed.is_empty() {
        return Err(NOT_FOUND
            .problem()
            .detail("No other active member has this id."));
    }

    principals.forget_user(me);
    principals.forget_user(them);

    Ok(NoContent)
}
