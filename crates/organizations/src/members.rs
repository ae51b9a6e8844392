//! Members: the persons of an organization, as its administrators see and change them. Service accounts are not among
//! them.
//!
//! Whoever has a role that exceeds one's own is out of reach. An administrator never sees or sets a password (OWASP ASVS
//! 6.4.6), and sees an address in clear only on record.

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

/// Members and their sessions.
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
