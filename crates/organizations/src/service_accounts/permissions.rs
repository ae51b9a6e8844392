//! The permission to manage service accounts.

mainstay_access::permission! {
    /// Manage service accounts, their keys and their secrets, within your own permissions.
    pub(crate) ServiceAccountsManage = "service_accounts.manage",
        for [Owner, Manager], administrative;
}
