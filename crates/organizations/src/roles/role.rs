//! A role, and the checks before a caller changes it.

use std::collections::BTreeSet;

use http::StatusCode;
use mainstay_access::Permission;
use mainstay_database::{Door, Error, FromRow, IfMatch, Uuid};
use mainstay_http::{Kind, NOT_FOUND, Problem, view};
use mainstay_kernel::Id;
use mainstay_principals::privilege::{held_by, refused};

use crate::relations::{RolePermissions, Roles};

/// Built-in roles cannot be changed.
pub(crate) const BUILT_IN_ROLE: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "built_in_role",
    "Built-in roles cannot be changed. Create a role of your own instead.",
);

/// Another role has the name.
pub(crate) const ROLE_NAME_TAKEN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "role_name_taken",
    "Another role, possibly a built-in one, has this name. Choose another name.",
);

/// A role's identifier.
pub(crate) type RoleId = Id<RoleView>;

/// A role.
#[view]
#[derive(FromRow)]
pub(crate) struct RoleView {
    /// The role's id.
    pub(super) id: RoleId,
    /// The role's name.
    pub(super) name: String,
    /// Whether the role is built in. Built-in roles exist in every organization and cannot be
    /// changed.
    pub(super) built_in: bool,
    /// The names of the permissions that the role grants, in alphabetical order.
    pub(super) permissions: Vec<String>,
    /// The role's version, for `If-Match`. Each change increments it.
    pub(super) version: i64,
}

/// A role, and how it compares with the caller's permissions.
#[derive(FromRow)]
pub(crate) struct FoundRole {
    #[from_row(flatten)]
    pub(super) role: RoleView,
    /// Whether it grants more than the caller holds.
    exceeds: bool,
}

/// Finds a role of the caller's organization or a built-in one.
pub(crate) async fn find<P: Permission>(
    by: &Door<P>,
    id: RoleId,
) -> Result<Option<FoundRole>, Error> {
    const FIND: &str = r"
        SELECT
            r.id,
            r.name,
            r.organization_id IS NULL AS built_in,
            ARRAY(
                SELECT permission
                FROM role_permissions
                WHERE role_id = r.id
                ORDER BY permission
            ) AS permissions,
            r.version,
            mainstay.role_exceeds(r.id, $2, $3) AS exceeds
        FROM roles r
        WHERE r.id = $1
    ";

    let [held, owner] = held_by(by.principal());
    let values = [id.uuid().into(), held, owner];
    let mut found = by
        .query::<(Roles, RolePermissions), _>("roles.find", FIND, values)
        .await?;

    Ok(found.pop())
}

/// Finds a role that the caller may change, at the version that `if_match` demands.
pub(crate) async fn find_to_change<P: Permission>(
    by: &Door<P>,
    id: RoleId,
    if_match: &IfMatch,
) -> Result<RoleView, Problem> {
    let FoundRole { role, exceeds } = find(by, id).await?.ok_or_else(|| NOT_FOUND.problem())?;
    if role.built_in {
        return Err(BUILT_IN_ROLE.problem());
    }
    if exceeds {
        return Err(refused(by, "role", Some(id.uuid())).await);
    }
    if !if_match.allows(role.version) {
        return Err(Error::Stale {
            current: role.version,
        }
        .into());
    }

    Ok(role)
}

/// Refuses permissions that the caller does not hold, which includes undeclared names.
pub(crate) async fn check_held<P: Permission>(
    by: &Door<P>,
    permissions: &BTreeSet<String>,
) -> Result<(), Problem> {
    if by
        .principal()
        .permissions
        .cover(permissions.iter().map(String::as_str))
    {
        Ok(())
    } else {
        Err(refused(by, "role", None).await)
    }
}

/// Maps the violations of the two constraints on names.
pub(crate) fn name_taken(error: Error) -> Problem {
    match &error {
        Error::Constraint { name, .. }
            if name == "roles_name_key" || name == "roles_name_built_in" =>
        {
            ROLE_NAME_TAKEN.problem()
        }
        _ => error.into(),
    }
}

/// The values that the audit log compares.
pub(crate) fn shown(name: &str, permissions: &BTreeSet<String>) -> serde_json::Value {
    serde_json::json!({ "name": name, "permissions": permissions })
}

/// The caller's organization, for audit events.
pub(crate) fn organization<P: Permission>(by: &Door<P>) -> Option<mainstay_kernel::OrganizationId> {
    Some(Uuid::into(by.organization()))
}

/// There is no such role in the organization.
pub(crate) const UNKNOWN_ROLE: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "unknown_role",
    "The organization has no role of this name.",
);
