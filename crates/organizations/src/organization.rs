//! Organizations: made, named, handed over, left and deleted by their members.
//!
//! The last owner stays: `keep_an_owner` in the schema refuses every statement that would take it away, also of two that
//! run at once.

mod create;
mod current;
mod delete;
mod hand_over;
mod leave;
mod mine;
pub(crate) mod permissions;

use mainstay_http::Module;

/// One's organizations, and the one of the session.
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
