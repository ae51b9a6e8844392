//! Roles: those that every organization has, and those that it makes for itself.
//!
//! Nobody grants what they do not hold: `role_exceeds` in the schema compares a role with its giver's permissions, in the
//! statement of the change, and only an owner makes an owner. A built-in role is written by the owner of the schema alone.

mod assign;
mod create;
mod declare;
mod delete;
mod list;
mod name;
mod permissions;
mod role;
mod update;

use http::StatusCode;
use mainstay_database::Uuid;
use mainstay_http::{Kind, Module};

pub use assign::{ListedRole, assign_role, list_roles_of};
pub use declare::declare_permissions;
pub(crate) use name::RoleName;

mainstay_access::permission! {
    /// See the organization's roles and what they grant.
    pub RolesRead = "roles.read", for [Owner, Manager, Auditor];
    /// Make, change and delete the organization's own roles.
    pub RolesManage = "roles.manage", for [Owner], administrative;
}

/// The built-in roles that the platform itself gives to people.
pub(crate) const OWNER: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_0001);
pub(crate) const MANAGER: Uuid = Uuid::from_u128(0x7000_8000_0000_0000_0002);

/// There is no such role in the organization.
pub(crate) const UNKNOWN_ROLE: Kind = Kind::new(
    StatusCode::UNPROCESSABLE_ENTITY,
    "unknown_role",
    "The organization has no role of this name.",
);

/// Roles and the permissions that they are made of.
pub(crate) fn module() -> Module {
    Module::new("roles").endpoints((
        permissions::list_permissions,
        list::list_roles,
        create::create_role,
        list::get_role,
        update::update_role,
        delete::delete_role,
    ))
}
