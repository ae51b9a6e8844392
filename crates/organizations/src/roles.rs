//! Roles: the built-in ones, which every organization has, and the organization's own.
//!
//! A member cannot grant permissions that they do not hold. The statement of each change checks
//! this: `role_exceeds` in the schema compares a role with the permissions of the member who
//! assigns it. Only an owner can make another member an owner. Only the owner of the schema can
//! write built-in roles.

pub(crate) mod assign;
pub(crate) mod built_in;
mod create;
pub(crate) mod declare;
mod delete;
mod list;
mod list_permissions;
pub(crate) mod name;
pub(crate) mod permissions;
pub(crate) mod role;
mod update;

use mainstay_http::Module;

/// Roles and permissions.
pub fn module() -> Module {
    Module::new("roles")
        .keeping("mainstay.roles", "until it is deleted")
        .keeping("mainstay.role_permissions", "as long as their role")
        .keeping("mainstay.permissions", "as long as the code declares them")
        .endpoints((
            list_permissions::list_permissions,
            list::list_roles,
            create::create_role,
            list::get_role,
            update::update_role,
            delete::delete_role,
        ))
}
