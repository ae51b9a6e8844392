//! Roles for operators: the command line lists and assigns them.

use mainstay_database::{Change, ConstraintKind, Error, FromRow, Sql};
use mainstay_kernel::{OrganizationId, UserId};
use mainstay_principals::events::{Action, about_user};

/// A role as an operator lists it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ListedRole {
    /// The role's name.
    pub name: String,
    /// Whether the role is built in.
    pub built_in: bool,
    /// Number of members of the organization that have the role.
    pub members: i64,
    /// The names of the permissions that the role grants, in alphabetical order.
    pub permissions: Vec<String>,
}

/// Lists the roles of an organization, the built-in ones first.
///
/// # Errors
/// The error of the database.
pub async fn list_roles_of(
    sql: &Sql,
    organization: OrganizationId,
) -> Result<Vec<ListedRole>, Error> {
    const LIST: &str = r"
        SELECT
            r.name,
            r.organization_id IS NULL AS built_in,
            (
                SELECT count(*)
                FROM mainstay.memberships m
                WHERE m.role_id = r.id AND m.organization_id = $1
            ) AS members,
            ARRAY(
                SELECT permission
                FROM mainstay.role_permissions
                WHERE role_id = r.id
                ORDER BY permission
            ) AS permissions
        FROM mainstay.roles r
        WHERE r.organization_id = $1 OR r.organization_id IS NULL
        ORDER BY r.organization_id NULLS FIRST, r.id
    ";

    sql.query("roles.list_of", LIST, [organization.uuid().into()])
        .await
}

/// Assigns a role in an organization to an account, which becomes a member if it is not one.
/// Returns `false` if there is no such account or no such role, or if the organization would lose
/// its last owner.
///
/// # Errors
/// The error of the database.
pub async fn assign_role(
    sql: &Sql,
    user: UserId,
    organization: OrganizationId,
    role: &str,
) -> Result<bool, Error> {
    const ASSIGN: &str = r"
        wanted AS (
            SELECT u.id AS user_id, o.id AS organization_id, r.id AS role_id
            FROM mainstay.users u, mainstay.organizations o, mainstay.roles r
            WHERE u.id = $1
              AND o.id = $2
              AND r.name = $3
              AND (r.organization_id = o.id OR r.organization_id IS NULL)
        ),
        before AS (
            SELECT r.name
            FROM mainstay.memberships m
            JOIN mainstay.roles r ON r.id = m.role_id
            WHERE m.user_id = $1 AND m.organization_id = $2
        ),
        changed AS (
            INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
            SELECT user_id, organization_id, role_id, $4
            FROM wanted
            ON CONFLICT ON CONSTRAINT memberships_pkey DO UPDATE SET role_id = excluded.role_id
            RETURNING
                user_id,
                (SELECT jsonb_build_object('role', name) FROM before) AS before,
                jsonb_build_object('role', $3::text) AS after
        )
    ";

    let now = sql.database().runtime().clock.now();
    let values = [
        user.uuid().into(),
        organization.uuid().into(),
        role.into(),
        now.inner().into(),
    ];

    let event = about_user(Action::AuthzChange, Some(user), Some(organization));
    let change = Change::new("memberships.assign", ASSIGN, values, event).showing_rows();
    match sql.change(change).await {
        Ok(rows) => Ok(!rows.is_empty()),
        Err(Error::Constraint {
            kind: ConstraintKind::Check,
            ..
        }) => Ok(false),
        Err(error) => Err(error),
    }
}
