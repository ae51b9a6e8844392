//! Roles: those that every organization has, and those that it makes for itself.
//!
//! Nobody grants what they do not hold: `role_exceeds` in the schema compares a role with its giver's permissions, in the
//! statement of the change, and only an owner makes an owner. A built-in role is written by the owner of the schema alone.

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

/// Roles and the permissions that they are made of.
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
