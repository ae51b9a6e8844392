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

use mainstay_accounts::Tenancy;
use mainstay_http::Module;

/// The caller's organizations, and the one that the session works in. In an app with a single tenant
/// only the latter, which cannot be left or deleted.
pub fn module(tenancy: Tenancy) -> Module {
    let module = Module::new("organizations")
        .keeping("mainstay.organizations", "until its owner deletes it")
        .keeping("mainstay.home_organization", "as long as the organization");

    match tenancy {
        Tenancy::Several => module.endpoints((
            mine::list_organizations,
            create::create_organization,
            mine::get_organization,
            leave::leave_organization,
            current::get_current_organization,
            current::update_current_organization,
            hand_over::hand_over_organization,
            delete::delete_current_organization,
        )),
        Tenancy::Single => module.endpoints((
            current::get_current_organization,
            current::update_current_organization,
            hand_over::hand_over_organization,
        )),
    }
}
