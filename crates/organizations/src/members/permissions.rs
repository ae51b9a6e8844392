//! The permissions to see and manage members.

mainstay_access::permission! {
    /// See the members of the organization, with masked addresses.
    pub MembersRead = "members.read", for [Owner, Manager, Auditor];
    /// See members' addresses in clear, which the audit log records.
    pub MembersReveal = "members.reveal", for [Owner, Manager];
    /// Invite people, change members' roles, remove members and end their sessions.
    pub MembersManage = "members.manage", for [Owner, Manager], administrative;
}
