//! Members: the persons of an organization, as its administrators see and change them. Service
//! accounts are in [`service_accounts`](crate::service_accounts).
//!
//! An administrator cannot change a member whose role grants more than their own. Administrators
//! never see or set passwords (OWASP ASVS 6.4.6). They see masked addresses; the audit log records
//! each time that they see an address in clear.

pub(crate) mod letters;
mod list;
pub(crate) mod permissions;
mod remove;
mod reveal;
mod row;
mod sessions;
pub(crate) mod target;
mod update;

use mainstay_http::Module;

/// Members and the sessions of members.
pub fn module() -> Module {
    Module::new("members")
        .keeping(
            "mainstay.memberships",
            "until the member leaves or is removed, or with the account",
        )
        .endpoints((
            list::list_members,
            list::get_member,
            reveal::get_member_personal_data,
            update::update_member,
            remove::delete_member,
            sessions::list_member_sessions,
            sessions::delete_member_sessions,
            sessions::delete_member_session,
        ))
}
