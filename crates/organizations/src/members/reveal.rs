//! Reveals a member's address, which the audit log records.

use mainstay_http::{Allowed, Json, NOT_FOUND, Path, Problem, get, view};
use mainstay_kernel::UserId;

use super::{
    permissions::MembersReveal,
    row::{MemberId, MemberRow},
};

/// The personal data of a member, in clear.
#[view]
pub(super) struct MemberPersonalDataView {
    /// The id of the member's account.
    user_id: UserId,
    /// The member's e-mail address.
    email: String,
}

/// Show a member's address in clear.
///
/// The audit log records who has seen it.
#[get("/v1/members/{user_id}/personal-data", problems(NOT_FOUND))]
pub(super) async fn get_member_personal_data(
    by: Allowed<MembersReveal>,
    Path(id): Path<MemberId>,
) -> Result<Json<MemberPersonalDataView>, Problem> {
    let revealed = by.reveal::<MemberRow>(id).await?;
    let sql = by.sql();
    let email = revealed.row().open(&sql)?.as_str().to_owned();
    Ok(Json(MemberPersonalDataView {
        user_id: id.uuid().into(),
        email,
    }))
}
