//! The permissions over members.

mainstay_access::permission! {
    /// See who belongs to the organization, addresses masked.
    pub MembersRead = "members.read", for [Owner, Manager, Auditor];
    /// See members' addresses in clear; each time is on record.
    pub MembersReveal = "members.reveal", for [Owner, Manager];
    /// Invite people, change members' roles, remove members and end their sessions.
    pub MembersManage = "members.manage", for [Owner, Manager], administrative;
}
