//! The permissions over an organization itself.

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
