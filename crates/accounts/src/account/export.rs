//! Exports a person's own data.

use mainstay_database::{Error, SealedTable};
use mainstay_http::{
    ExportPage, ExportView, Fresh, InPerson, Json, Problem, Query, UNAUTHENTICATED, get,
};
use mainstay_principals::events::{Action, about_user};

use super::tables::of_account;

/// Export the data of your account.
///
/// Returns, page by page, every field of every row that belongs to the account, decrypted, and the
/// audit records about it (GDPR Articles 15 and 20). For the data that an organization processes
/// about you, ask that organization.
#[get("/v1/me/export")]
pub(super) async fn export_me(
    by: Fresh<InPerson>,
    Query(page): Query<ExportPage>,
) -> Result<Json<ExportView>, Problem> {
    let user = by.principal().user;
    let sql = by.sql();
    let event = about_user(
        Action::UserExported,
        Some(user),
        by.principal().organization,
    );

    match sql
        .export_account(user, &unsealed_tables(), event, page.cursor.as_ref())
        .await
    {
        Err(Error::NotFound) => Err(UNAUTHENTICATED.problem()),
        page => Ok(Json(page?.into())),
    }
}

/// Tables of an account without sealed columns.
fn unsealed_tables() -> [SealedTable; 3] {
    [
        of_account("mainstay.memberships", "organization_id", Vec::new()),
        of_account("mainstay.api_keys", "id", Vec::new()),
        of_account("mainstay.oauth_grants", "id", Vec::new()),
    ]
}
