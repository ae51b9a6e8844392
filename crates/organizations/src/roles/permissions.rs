//! The permissions to see and manage roles.

mainstay_access::permission! {
    /// See the organization's roles and what they grant.
    pub RolesRead = "roles.read", for [Owner, Manager, Auditor];
    /// Create, change and delete the organization's own roles.
    pub RolesManage = "roles.manage", for [Owner], administrative;
}
