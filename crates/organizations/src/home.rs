//! The organization of an app with a single tenant.

use mainstay_access::BuiltInRole;
use mainstay_database::{Error, Event, Origin, Owner, Sql};
use mainstay_kernel::{OrganizationId, Runtime};
use mainstay_principals::names::OrganizationName;

/// The one organization of an app, which every new account joins.
#[derive(Clone, Debug)]
pub struct Home {
    /// The name with which the organization is created. Its owner may change it.
    pub name: OrganizationName,
    /// The role of a new account.
    pub role: BuiltInRole,
}

/// Writes the home organization of an app to the database, as the owner of the schema; `None` means
/// that the app has several. The first time, the organization is created, or the only one is taken.
/// Returns `false` if there are several organizations, and none of them is the home.
///
/// # Errors
/// The error of the database.
pub async fn declare_home(
    owner: &mut Owner,
    runtime: &Runtime,
    home: Option<&Home>,
) -> Result<bool, Error> {
    let Some(home) = home else {
        owner
            .run("DELETE FROM mainstay.home_organization", [])
            .await?;
        return Ok(true);
    };

    owner.run("BEGIN", []).await?;
    let declared = declare(owner, runtime, home).await;
    let end = if declared.is_ok() {
        "COMMIT"
    } else {
        "ROLLBACK"
    };
    owner.run(end, []).await?;

    declared
}

/// Finds the home organization; `None` in an app with several tenants.
///
/// # Errors
/// The error of the database.
pub async fn find_home(sql: &Sql) -> Result<Option<OrganizationId>, Error> {
    const FIND: &str = "SELECT organization_id FROM mainstay.home_organization";

    let homes = sql.query("home_organization.find", FIND, []).await?;

    Ok(homes.into_iter().next())
}

async fn declare(owner: &mut Owner, runtime: &Runtime, home: &Home) -> Result<bool, Error> {
    const LOCK: &str = "LOCK TABLE mainstay.home_organization IN SHARE ROW EXCLUSIVE MODE";

    const DECLARE: &str = r"
        WITH made AS (
            INSERT INTO mainstay.organizations (id, name, created_at)
            SELECT $1, $2, $3
            WHERE NOT EXISTS (SELECT FROM mainstay.organizations)
            RETURNING id
        ),
        recorded AS (
            INSERT INTO mainstay.audit_events (
                id, occurred_at, organization_id, action, operation, resource, resource_id, request_id
            )
            SELECT $4, $3, id, 'organization_created', 'migrate', 'organization', id, $5
            FROM made
        ),
        chosen AS (
            SELECT id
            FROM made
            UNION ALL
            SELECT organization_id
            FROM mainstay.home_organization
            UNION ALL
            SELECT o.id
            FROM mainstay.organizations o
            WHERE NOT EXISTS (SELECT FROM mainstay.home_organization)
              AND (SELECT count(*) FROM mainstay.organizations) = 1
        )
        INSERT INTO mainstay.home_organization (organization_id, role_id)
        SELECT chosen.id, r.id
        FROM chosen
        JOIN mainstay.roles r ON r.name = $6 AND r.organization_id IS NULL
        ON CONFLICT ON CONSTRAINT home_organization_pkey DO UPDATE
        SET role_id = excluded.role_id
        RETURNING organization_id
    ";

    owner.run(LOCK, []).await?;

    let values = [
        runtime.new_id::<OrganizationId>().uuid().into(),
        home.name.as_str().into(),
        runtime.clock.now().inner().into(),
        runtime.new_id::<Event>().uuid().into(),
        runtime.new_id::<Origin>().uuid().into(),
        home.role.name().into(),
    ];

    Ok(!owner.run(DECLARE, values).await?.is_empty())
}
