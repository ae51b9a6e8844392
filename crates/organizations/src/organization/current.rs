//! Shows and renames the organization that the session works in.

use mainstay_access::Permission;
use mainstay_database::{Change, Door, FromRow};
use mainstay_http::{
    Allowed, FreshOrScoped, Json, NOT_FOUND, Patch, Problem, get, input, patch, view,
};
use mainstay_kernel::{OrganizationId, Timestamp};
use mainstay_principals::{
    events::{Action, about},
    names::OrganizationName,
};

use super::permissions::{OrganizationRead, OrganizationUpdate};

/// The organization that the session works in.
#[view]
#[derive(FromRow)]
pub(super) struct CurrentOrganizationView {
    /// The organization's id.
    id: OrganizationId,
    /// The organization's name.
    name: String,
    /// When the organization was created.
    created_at: Timestamp,
}

/// Show the organization that the session works in.
#[get("/v1/organization", problems(NOT_FOUND))]
pub(super) async fn get_current_organization(
    by: Allowed<OrganizationRead>,
) -> Result<Json<CurrentOrganizationView>, Problem> {
    find(&by).await.map(Json)
}

/// Changes to an organization. Absent fields stay as they are.
#[input]
pub(super) struct UpdateOrganization {
    /// The organization's name.
    name: Patch<OrganizationName>,
}

/// Rename the organization that the session works in.
#[patch("/v1/organization", problems(NOT_FOUND))]
pub(super) async fn update_current_organization(
    by: FreshOrScoped<OrganizationUpdate>,
    Json(body): Json<UpdateOrganization>,
) -> Result<Json<CurrentOrganizationView>, Problem> {
    const UPDATE: &str = r"
        found AS (
            SELECT id, name
            FROM mainstay.organizations
            WHERE id = $1
            FOR UPDATE
        ),
        changed AS (
            UPDATE mainstay.organizations o
            SET name = $2
            FROM found
            WHERE o.id = found.id AND found.name <> $2
            RETURNING
                o.id,
                jsonb_build_object('name', found.name) AS before,
                jsonb_build_object('name', o.name) AS after
        )
    ";

    if let Patch::Set(name) = body.name {
        let organization: OrganizationId = by.organization().into();
        let event = about(
            Action::OrganizationUpdated,
            "organization",
            Some(organization.uuid()),
            Some(organization),
        );

        let values = [organization.uuid().into(), name.into_string().into()];
        let sql = by.sql();
        sql.change(Change::new("organizations.update", UPDATE, values, event).showing_rows())
            .await?;
    }

    find(&by).await.map(Json)
}

async fn find<P: Permission>(by: &Door<P>) -> Result<CurrentOrganizationView, Problem> {
    const FIND: &str = "SELECT id, name, created_at FROM mainstay.organizations WHERE id = $1";

    let sql = by.sql();
    let organizations = sql
        .query("organizations.find", FIND, [by.organization().into()])
        .await?;

    organizations
        .into_iter()
        .next()
        .ok_or_else(|| NOT_FOUND.problem())
}
