//! The keys of an organization, for its administrators.

use super::{permissions::ApiKeysManage, view::ApiKeyView};
use crate::relations::ApiKeys;
use mainstay_database::{Change, Cursor, Direction, Filter, Limit, Order};
use mainstay_http::{
    Allowed, FreshOrScoped, NOT_FOUND, NoContent, PageOf, Path, Problem, Query, Shared, delete,
    get, input,
};
use mainstay_kernel::UserId;
use mainstay_principals::{
    Principals,
    api_keys::row::{ApiKeyId, ApiKeyRow},
    events::{Action, about},
    privilege::{EXCEEDS_OWN, held_by, out_of_reach},
};

/// Which keys to list.
#[input]
pub(super) struct ListApiKeys {
    /// Maximum number of keys on the page.
    limit: Limit,
    /// The `next_cursor` of the previous page.
    cursor: Option<Cursor>,
    /// Return only the keys of this person or service account.
    user_id: Option<UserId>,
}

/// List the organization's API keys, newest first.
///
/// Includes the keys of all members and service accounts, also revoked and expired ones.
#[get("/v1/organization/api-keys")]
pub(super) async fn list_organization_api_keys(
    by: Allowed<ApiKeysManage>,
    Query(query): Query<ListApiKeys>,
) -> Result<PageOf<ApiKeyView>, Problem> {
    let filter = Filter::all().equal(ApiKeyRow::USER_ID, query.user_id);
    let newest_first = Order::by(ApiKeyRow::ID, Direction::Descending);
    let page = by
        .page(filter, newest_first, query.limit, query.cursor.as_ref())
        .await?;
    Ok(PageOf::new(page, ApiKeyView::of))
}

/// Revoke an API key of any member or service account.
///
/// For a key that has leaked. This replica refuses the key at once, every other within a second.
/// You cannot revoke keys of an account that has permissions beyond yours.
#[delete("/v1/organization/api-keys/{id}", problems(NOT_FOUND, EXCEEDS_OWN))]
pub(super) async fn delete_organization_api_key(
    by: FreshOrScoped<ApiKeysManage>,
    principals: Shared<Principals>,
    Path(id): Path<ApiKeyId>,
) -> Result<NoContent, Problem> {
    const REVOKE: &str = r"
        changed AS (
            UPDATE mainstay.api_keys
            SET revoked_at = $3
            WHERE id = $1
              AND organization_id = $2
              AND revoked_at IS NULL
              AND NOT mainstay.member_exceeds(user_id, $2, $4, $5)
            RETURNING id
        )
    ";

    const EXCEEDS: &str = r"
        SELECT mainstay.member_exceeds(user_id, organization_id, $2, $3)
        FROM api_keys
        WHERE id = $1 AND revoked_at IS NULL
    ";

    let organization = by.principal().organization;
    let sql = by.sql();

    let event = about(
        Action::TokenRevoked,
        "api_key",
        Some(id.uuid()),
        organization,
    );

    let now = by.runtime().clock.now();
    let [held, owner] = held_by(by.principal());
    let values = [
        id.uuid().into(),
        organization.map(|it| it.uuid()).into(),
        now.inner().into(),
        held,
        owner,
    ];

    let revoked = sql
        .change(Change::new("api_keys.revoke", REVOKE, values, event))
        .await?;

    principals.forget_session(id.uuid().into());

    if revoked.is_empty() {
        let thing = [id.uuid().into()];
        return Err(out_of_reach::<(ApiKeys,), _>(
            &by,
            ("api_keys.exceeds", EXCEEDS),
            thing,
            ("api_key", id.uuid()),
        )
        .await);
    }

    Ok(NoContent)
}
