//! Lists, shows and withdraws pending invitations.

use mainstay_database::{Change, Cursor, Direction, Filter, Limit, Order};
use mainstay_http::{
    Allowed, FreshOrScoped, Json, NOT_FOUND, NoContent, PageOf, Path, Problem, Query, Shared,
    delete, get, input,
};
use mainstay_principals::{
    Principals,
    events::{Action, about},
    privilege::{EXCEEDS_OWN, held_by, out_of_reach},
};

use super::row::{InvitationId, InvitationRow, InvitationView};
use crate::{members::permissions::MembersManage, relations::Invitations};

/// Which invitations to list.
#[input]
pub(super) struct ListInvitations {
    /// Maximum number of invitations on the page.
    limit: Limit,
    /// The `next_cursor` of the previous page.
    cursor: Option<Cursor>,
}

/// List pending invitations, newest first.
#[get("/v1/invitations")]
pub(super) async fn list_invitations(
    by: Allowed<MembersManage>,
    principals: Shared<Principals>,
    Query(query): Query<ListInvitations>,
) -> Result<PageOf<InvitationView>, Problem> {
    let filter = Filter::all().at_least(
        InvitationRow::EXPIRES_AT,
        Some(principals.runtime().clock.now()),
    );
    let newest_first = Order::by(InvitationRow::ID, Direction::Descending);
    let page = by
        .page(filter, newest_first, query.limit, query.cursor.as_ref())
        .await?;

    let (sql, organization) = (by.sql(), by.organization());
    let items = page
        .items
        .into_iter()
        .map(|row| row.view(&sql, organization))
        .collect::<Result<_, _>>()?;

    Ok(PageOf {
        items,
        next_cursor: page.next,
    })
}

/// Show a pending invitation.
#[get("/v1/invitations/{id}", problems(NOT_FOUND))]
pub(super) async fn get_invitation(
    by: Allowed<MembersManage>,
    Path(id): Path<InvitationId>,
) -> Result<Json<InvitationView>, Problem> {
    let row = by.get::<InvitationRow>(id).await?;
    Ok(Json(row.view(&by.sql(), by.organization())?))
}

/// Withdraw an invitation.
///
/// Its token becomes invalid. You cannot withdraw an invitation whose role grants more than yours,
/// or whose inviter has permissions beyond yours.
#[delete("/v1/invitations/{id}", problems(NOT_FOUND, EXCEEDS_OWN))]
pub(super) async fn delete_invitation(
    by: FreshOrScoped<MembersManage>,
    Path(id): Path<InvitationId>,
) -> Result<NoContent, Problem> {
    const DELETE: &str = r"
        changed AS (
            DELETE FROM mainstay.invitations i
            WHERE i.id = $2
              AND i.organization_id = $1
              AND NOT mainstay.role_exceeds(i.role_id, $3, $4)
              AND NOT mainstay.member_exceeds(i.invited_by, $1, $3, $4)
            RETURNING mainstay.destroy_data_key(i.data_key)
        )
    ";

    const EXCEEDS: &str = r"
        SELECT mainstay.role_exceeds(role_id, $2, $3)
            OR mainstay.member_exceeds(invited_by, organization_id, $2, $3)
        FROM invitations
        WHERE id = $1
    ";

    let [held, owner] = held_by(by.principal());
    let values = [by.organization().into(), id.uuid().into(), held, owner];
    let organization = Some(by.organization().into());
    let event = about(
        Action::InvitationDeleted,
        "invitation",
        Some(id.uuid()),
        organization,
    );

    let sql = by.sql();
    let deleted = sql
        .change(Change::new("invitations.delete", DELETE, values, event))
        .await?;

    if deleted.is_empty() {
        let thing = [id.uuid().into()];
        return Err(out_of_reach::<(Invitations,), _>(
            &by,
            ("invitations.exceeds", EXCEEDS),
            thing,
            ("invitation", id.uuid()),
        )
        .await);
    }

    Ok(NoContent)
}
