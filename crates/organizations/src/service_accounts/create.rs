//! Creates a service account.

use http::StatusCode;
use mainstay_access::Permission;
use mainstay_database::{Change, Door};
use mainstay_http::{Created, FieldError, FreshOrScoped, INVALID_INPUT, Json, Kind, Problem, post};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::{
    events::{Action, about_user},
    privilege::{EXCEEDS_OWN, exceeds_own, held},
    standing,
};

use super::{
    bodies::{CreateServiceAccount, ServiceAccountView},
    permissions::ServiceAccountsManage,
};
use crate::relations::Roles;

/// Maximum number of service accounts of an organization. They are listed without pages.
const MOST_ACCOUNTS: i64 = 500;

const TOO_MANY_ACCOUNTS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "too_many_service_accounts",
    "The organization has reached its maximum number of service accounts.",
);

/// Create a service account.
///
/// The account cannot call the API until you create a key or a secret for it.
#[post("/v1/service-accounts", problems(EXCEEDS_OWN, TOO_MANY_ACCOUNTS))]
pub(super) async fn create_service_account(
    by: FreshOrScoped<ServiceAccountsManage>,
    Json(body): Json<CreateServiceAccount>,
) -> Result<Created<ServiceAccountView>, Problem> {
    // A built-in role takes precedence over the organization's own role of the same name.
    const INSERT: &str = r"
        role AS (
            SELECT r.id
            FROM (
                SELECT id
                FROM mainstay.roles
                WHERE name = $4 AND (organization_id = $2 OR organization_id IS NULL)
                ORDER BY organization_id NULLS FIRST
                LIMIT 1
            ) r
            WHERE NOT mainstay.role_exceeds(r.id, $6, false)
        ),
        changed AS (
            INSERT INTO mainstay.users (id, kind, name, created_at)
            SELECT $1, 'service', $3, $5
            FROM role, held
            WHERE mainstay.has_room('service_accounts', $2, $7, $5)
            RETURNING id
        ),
        member AS (
            INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
            SELECT changed.id, $2, role.id, $5
            FROM changed, role
        )
    ";

    let (organization, now) = (by.principal().organization, by.runtime().clock.now());
    let id: UserId = by.runtime().new_id();
    let values = [
        id.uuid().into(),
        organization.map(OrganizationId::uuid).into(),
        body.name.as_str().into(),
        body.role.as_str().into(),
        now.inner().into(),
        held(by.principal()),
        MOST_ACCOUNTS.into(),
    ];

    let sql = by.sql();
    let event = about_user(Action::UserCreated, Some(id), organization);
    let change = Change::new("service_accounts.insert", INSERT, values, event);
    let inserted = sql
        .change(change.given(standing::in_role(by.principal())))
        .await?;
    if inserted.is_empty() {
        let refusal = role_refusal(&by, body.role.as_str().to_owned(), TOO_MANY_ACCOUNTS).await;
        return Err(standing::role_lost_or(&sql, by.principal(), refusal).await);
    }

    let (name, role) = (body.name.into_string(), body.role.as_str().to_owned());
    let view = ServiceAccountView {
        id,
        name,
        role,
        active: true,
        created_at: now,
    };

    Ok(Created(view))
}

/// Returns why a role was not assigned: it does not exist, or it grants more than the caller holds,
/// or else `otherwise`.
pub(crate) async fn role_refusal<P: Permission>(
    by: &Door<P>,
    role: String,
    otherwise: Kind,
) -> Problem {
    const FIND: &str = r"
        SELECT mainstay.role_exceeds(id, $2, false)
        FROM roles
        WHERE name = $1
        ORDER BY organization_id NULLS FIRST
        LIMIT 1
    ";

    let exceeds = by
        .query::<(Roles,), bool>("roles.exceeds", FIND, [role.into(), held(by.principal())])
        .await;

    match exceeds.map(|found| found.first().copied()) {
        Err(error) => error.into(),
        Ok(None) => INVALID_INPUT.problem().errors([FieldError {
            location: "body".into(),
            pointer: "/role".to_owned(),
            detail: "there is no such role in the organization".to_owned(),
        }]),
        Ok(Some(false)) => otherwise.problem(),
        Ok(Some(true)) => {
            let sql = by.sql();
            exceeds_own(&sql, by.principal(), "role", None).await
        }
    }
}
