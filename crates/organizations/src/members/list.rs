//! Lists members, with masked addresses.

use mainstay_database::{Cursor, Direction, Filter, Limit, Order};
use mainstay_http::{Allowed, Json, NOT_FOUND, PageOf, Path, Problem, Query, get, input};

use super::{
    permissions::MembersRead,
    row::{MemberId, MemberRow, MemberView},
};
use crate::roles::name::RoleName;

/// Which members to list.
#[input]
pub(super) struct ListMembers {
    /// Maximum number of members on the page.
    limit: Limit,
    /// The `next_cursor` of the previous page.
    cursor: Option<Cursor>,
    /// Return only the members with this role.
    role: Option<RoleName>,
}

/// List members.
///
/// Addresses are masked. Service accounts are not included.
#[get("/v1/members")]
pub(super) async fn list_members(
    by: Allowed<MembersRead>,
    Query(query): Query<ListMembers>,
) -> Result<PageOf<MemberView>, Problem> {
    let filter = Filter::all().equal(
        MemberRow::ROLE,
        query.role.map(|role| role.as_str().to_owned()),
    );
    let order = Order::by(MemberRow::ID, Direction::Ascending);
    let page = by
        .page(filter, order, query.limit, query.cursor.as_ref())
        .await?;

    let sql = by.sql();
    let items = page
        .items
        .into_iter()
        .map(|row| row.view(&sql))
        .collect::<Result<_, _>>()?;

    Ok(PageOf {
        items,
        next_cursor: page.next,
    })
}

/// Show a member, with a masked address.
#[get("/v1/members/{user_id}", problems(NOT_FOUND))]
pub(super) async fn get_member(
    by: Allowed<MembersRead>,
    Path(id): Path<MemberId>,
) -> Result<Json<MemberView>, Problem> {
    Ok(Json(by.get::<MemberRow>(id).await?.view(&by.sql())?))
}
