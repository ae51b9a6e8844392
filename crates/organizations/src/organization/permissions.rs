//! The permissions to see and manage an organization.

mainstay_access::permission! {
    /// See the organization that the session works in.
    pub OrganizationRead = "organization.read", for [Owner, Manager, Agent, Auditor];
    /// Rename the organization.
    pub OrganizationUpdate = "organization.update", for [Owner], administrative;
    /// Transfer the ownership of the organization, as an owner.
    pub OrganizationHandOver = "organization.hand_over", for [Owner], administrative;
    /// Delete the organization once it is empty.
    pub OrganizationDelete = "organization.delete", for [Owner], administrative;
}
