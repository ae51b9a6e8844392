//! Making a service account.

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

/// Service accounts that an organization may have: their listing comes whole.
const MOST_ACCOUNTS: i64 = 500;

const TOO_MANY_ACCOUNTS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "too_many_service_accounts",
    "The organization has as many service accounts as it may have.",
);

/// Make a service account.
///
/// It can do nothing until it is given a key or a secret.
#[post("/v1/service-accounts", problems(EXCEEDS_OWN, TOO_MANY_ACCOUNTS))]
pub(super) async fn create_service_account(
    by: FreshOrScoped<ServiceAccountsManage>,
    Json(body): Json<CreateServiceAccount>,
) -> Result<Created<ServiceAccountView>, Problem> {
    // A role that is built in comes before one of the same name that the organization made.
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

    let unscoped = by
        .unscoped("an account stands above organizations; its membership is made in the caller's");
    let event = about_user(Action::UserCreated, Some(id), organization);
    let change = Change::new("service_accounts.insert", INSERT, values, event);
    let made = unscoped
        .change(change.given(standing::in_role(by.principal())))
        .await?;
    if made.is_empty() {
        let refusal = role_refusal(&by, body.role.as_str().to_owned(), TOO_MANY_ACCOUNTS).await;
        return Err(standing::role_lost_or(&unscoped, by.principal(), refusal).await);
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

/// Why a role was not given: there is none of this name, or it grants more than the caller holds, or else `otherwise`.
pub(crate) async fn role_refusal<P: Permission>(
    by: &Door<P>,
    role: String,
    otherwise: Kind,
) -> Problem {
    const FIND: &str = r"
        SELECT NOT mainstay.role_exceeds(id, $3, false)
        FROM mainstay.roles
        WHERE name = $2 AND (organization_id = $1 OR organization_id IS NULL)
        ORDER BY organization_id NULLS FIRST
        LIMIT 1
    ";

    let rows = by
        .select("roles.find", FIND, [role.into(), held(by.principal())])
        .await;
    match rows.and_then(|rows| rows.first().map(|row| row.get::<bool>(0)).transpose()) {
        Err(error) => error.into(),
        Ok(None) => INVALID_INPUT.problem().errors([FieldError {
            location: "body".into(),
            pointer: "/role".to_owned(),
            detail: "there is no such role in the organization".to_owned(),
        }]),
        Ok(Some(true)) => otherwise.problem(),
        Ok(Some(false)) => {
            let unscoped = by.unscoped("a refusal is on record, and changes nothing");
            exceeds_own(&unscoped, by.principal(), "role", None).await
        }
    }
}
