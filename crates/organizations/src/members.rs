//! Members: the persons of an organization, as its administrators see and change them. Service accounts are not among
//! them.
//!
//! Whoever has a role that exceeds one's own is out of reach. An administrator never sees or sets a password (OWASP ASVS
//! 6.4.6), and sees an address in clear only on record.

mod letters;
mod list;
mod remove;
mod reveal;
mod row;
mod sessions;
mod subject;
mod update;

use mainstay_http::Module;

pub(crate) use letters::{tell_owner_handed_over, tell_role_changed};
pub(crate) use subject::{Subject, find_subject};

mainstay_access::permission! {
    /// See who belongs to the organization, addresses masked.
    pub MembersRead = "members.read", for [Owner, Manager, Auditor];
    /// See members' addresses in clear; each time is on record.
    pub MembersReveal = "members.reveal", for [Owner, Manager];
    /// Invite people, change members' roles, remove members and end their sessions.
    pub MembersManage = "members.manage", for [Owner, Manager], administrative;
}

/// Members and their sessions.
pub(crate) fn module() -> Module {
    Module::new("members").endpoints((
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
