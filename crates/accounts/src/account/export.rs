//! All that is known of one's account.

use mainstay_database::{Error, SealedTable};
use mainstay_http::{
    ExportPage, ExportView, Fresh, InPerson, Json, Problem, Query, UNAUTHENTICATED, get,
};
use mainstay_principals::events::{Action, about_user};

use super::tables::of_account;

/// Show all that is known of one's account.
///
/// Every field of every row that belongs to it, sealed ones opened, and what was done to the account, page by page (GDPR
/// Articles 15 and 20). What an organization keeps in its own matters is that organization's to tell.
#[get("/v1/me/export")]
pub(super) async fn export_me(
    by: Fresh<InPerson>,
    Query(page): Query<ExportPage>,
) -> Result<Json<ExportView>, Problem> {
    let user = by.principal().user;
    let unscoped = by.unscoped(
        "an account stands above organizations; the statement is limited to the caller's own",
    );
    let event = about_user(
        Action::UserExported,
        Some(user),
        by.principal().organization,
    );

    match unscoped
        .export_account(user, &beside(), event, page.cursor.as_ref())
        .await
    {
        Err(Error::NotFound) => Err(UNAUTHENTICATED.problem()),
        told => Ok(Json(told?.into())),
    }
}

/// What belongs to an account and is not sealed.
fn beside() -> [SealedTable; 3] {
    [
        of_account("mainstay.memberships", "organization_id", Vec::new()),
        of_account("mainstay.api_keys", "id", Vec::new()),
        of_account("mainstay.oauth_grants", "id", Vec::new()),
    ]
}
