//! The permission to manage the organization's API keys.

mainstay_access::permission! {
    /// See and revoke all API keys of the organization.
    pub(crate) ApiKeysManage = "api_keys.manage", for [Owner, Manager], administrative;
}
