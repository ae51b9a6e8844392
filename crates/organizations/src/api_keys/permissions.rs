//! The permission over everybody's API keys.

mainstay_access::permission! {
    /// See and revoke the API keys of everybody in the organization.
    pub(crate) ApiKeysManage = "api_keys.manage", for [Owner, Manager], administrative;
}
