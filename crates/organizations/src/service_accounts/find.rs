//! Lists and finds the service accounts of an organization.

use mainstay_access::Permission;
use mainstay_database::{Door, Error, FromRow};
use mainstay_http::{Allowed, Json, Kind, Listing, NOT_FOUND, Path, Problem, get};
use mainstay_kernel::UserId;
use mainstay_principals::privilege::{exceeds_own, held_by};

use super::{bodies::ServiceAccountView, permissions::ServiceAccountsManage};
use crate::relations::{Memberships, Roles, Users};

/// An account, and how its permissions compare with the caller's.
#[derive(FromRow)]
pub(super) struct Found {
    #[from_row(flatten)]
    pub(super) view: ServiceAccountView,
    /// Whether the caller holds every permission of the account.
    is_within: bool,
}

/// List the organization's service accounts, newest first.
#[get("/v1/service-accounts")]
pub(super) async fn list_service_accounts(
    by: Allowed<ServiceAccountsManage>,
) -> Result<Listing<ServiceAccountView>, Problem> {
    let found = select(&by, None).await?;
    Ok(Listing {
        items: found.into_iter().map(|found| found.view).collect(),
    })
}

/// Get a service account.
#[get("/v1/service-accounts/{id}", problems(NOT_FOUND))]
pub(super) async fn get_service_account(
    by: Allowed<ServiceAccountsManage>,
    Path(id): Path<UserId>,
) -> Result<Json<ServiceAccountView>, Problem> {
    Ok(Json(get_account(&by, id).await?.view))
}

/// Returns the organization's service account with this id.
///
/// # Errors
/// [`NOT_FOUND`] if there is none.
pub(crate) async fn get_account<P: Permission>(by: &Door<P>, id: UserId) -> Result<Found, Problem> {
    select(by, Some(id))
        .await?
        .pop()
        .ok_or_else(|| NOT_FOUND.problem())
}

/// Returns why a statement did not affect an account: it does not exist, or it has permissions
/// beyond the caller's, or else `otherwise`.
pub(crate) async fn refusal<P: Permission>(by: &Door<P>, id: UserId, otherwise: Kind) -> Problem {
    match get_account(by, id).await {
        Err(problem) => problem,
        Ok(found) if found.is_within => otherwise.problem(),
        Ok(_) => {
            let sql = by.sql();
            exceeds_own(&sql, by.principal(), "service_account", None).await
        }
    }
}

async fn select<P: Permission>(by: &Door<P>, id: Option<UserId>) -> Result<Vec<Found>, Error> {
    const SELECT: &str = r"
        SELECT
            u.id,
            u.name,
            r.name AS role,
            u.active,
            u.created_at,
            NOT mainstay.role_exceeds(r.id, $2, $3) AS is_within
        FROM memberships m
        JOIN users u ON u.id = m.user_id AND u.kind = 'service'
        JOIN roles r ON r.id = m.role_id
        WHERE $1::uuid IS NULL OR u.id = $1
        ORDER BY u.id DESC
    ";

    let [held, owner] = held_by(by.principal());
    let values = [id.map(UserId::uuid).into(), held, owner];

    by.query::<(Memberships, Users, Roles), _>("service_accounts.select", SELECT, values)
        .await
}
