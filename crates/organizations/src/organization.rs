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

use mainstay_http::Module;

mainstay_access::permission! {
    /// See the organization that one works in.
    pub OrganizationRead = "organization.read", for [Owner, Manager, Agent, Auditor];
    /// Rename the organization.
    pub OrganizationUpdate = "organization.update", for [Owner], administrative;
    /// Hand the organization over to another owner; whoever does must be an owner.
    pub OrganizationHandOver = "organization.hand_over", for [Owner], administrative;
    /// Delete the organization once it is empty.
    pub OrganizationDelete = "organization.delete", for [Owner], administrative;
}

/// One's organizations, and the one of the session.
pub(crate) fn module() -> Module {
    Module::new("organizations").endpoints((
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
