//! The permissions over roles.

mainstay_access::permission! {
    /// See the organization's roles and what they grant.
    pub RolesRead = "roles.read", for [Owner, Manager, Auditor];
    /// Make, change and delete the organization's own roles.
    pub RolesManage = "roles.manage", for [Owner], administrative;
}
