//! Creates an organization.

use http::StatusCode;
use mainstay_database::Change;
use mainstay_http::{Created, InPerson, Json, Kind, Problem, Shared, input, post};
use mainstay_kernel::OrganizationId;
use mainstay_principals::{
    Principals,
    events::{Action, about},
    names::OrganizationName,
    standing::{self, Hold},
};

use super::mine::OwnOrganizationView;
use crate::roles::built_in::OWNER;

/// The person has reached [`MOST`].
const TOO_MANY_ORGANIZATIONS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "too_many_organizations",
    "You can belong to at most 100 organizations. Leave one first.",
);

/// Maximum number of organizations that a person can belong to when creating another.
const MOST: i64 = 100;

/// A new organization.
#[input]
pub(super) struct CreateOrganization {
    /// The organization's name.
    name: OrganizationName,
}

/// Create an organization.
///
/// You become its owner. Your session stays in its present organization. Use
/// `PUT /v1/sessions/current/organization` to switch to the new one.
#[post("/v1/organizations", problems(TOO_MANY_ORGANIZATIONS))]
pub(super) async fn create_organization(
    by: InPerson,
    principals: Shared<Principals>,
    Json(body): Json<CreateOrganization>,
) -> Result<Created<OwnOrganizationView>, Problem> {
    const CREATE: &str = r"
        changed AS (
            INSERT INTO mainstay.organizations (id, name, created_at)
            SELECT $1, $2, $3
            FROM held
            WHERE mainstay.has_room('organizations', $4, $6, $3)
            RETURNING id
        ),
        member AS (
            INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
            SELECT $4, changed.id, $5, $3
            FROM changed
        )
    ";

    let (runtime, user) = (principals.runtime(), by.principal().user);
    let (id, now): (OrganizationId, _) = (runtime.new_id(), runtime.clock.now());
    let name = body.name.into_string();
    let values = [
        id.uuid().into(),
        name.clone().into(),
        now.inner().into(),
        user.uuid().into(),
        OWNER.into(),
        MOST.into(),
    ];

    let event = about(
        Action::OrganizationCreated,
        "organization",
        Some(id.uuid()),
        Some(id),
    );

    let sql = by.sql();
    let given = standing::in_person(by.principal(), Hold::Alone);
    if sql
        .change(Change::new("organizations.found", CREATE, values, event).given(given))
        .await?
        .is_empty()
    {
        return Err(
            standing::ended_or(&sql, by.principal(), TOO_MANY_ORGANIZATIONS.problem()).await,
        );
    }

    Ok(Created(OwnOrganizationView {
        id,
        name,
        role: "owner".to_owned(),
        joined_at: now,
    }))
}
