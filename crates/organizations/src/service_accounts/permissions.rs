//! The permission over service accounts.

mainstay_access::permission! {
    /// Make, change and delete service accounts, their keys and their secrets, as far as one's own permissions reach.
    pub(crate) ServiceAccountsManage = "service_accounts.manage", for [Owner, Manager], administrative;
}
