//! Organizations: members create, rename, leave and delete them, and transfer their ownership.
//!
//! An organization keeps at least one owner: `keep_an_owner` in the schema refuses every statement
//! that would remove the last one, also when two statements run at the same time.

mod create;
mod current;
mod delete;
mod hand_over;
mod leave;
mod mine;
pub(crate) mod permissions;

use mainstay_http::Module;

/// The caller's organizations, and the one that the session works in.
pub fn module() -> Module {
    Module::new("organizations")
        .keeping("mainstay.organizations", "until its owner deletes it")
        .endpoints((
            mine::list_organizations,
            create::create_organization,
            mine::get_organization,
            leave::leave_organization,
            current::get_current_organization,
            current::update_current_organization,
            hand_over::hand_over_organization,
            delete::delete_current_organization,
        ))
}
