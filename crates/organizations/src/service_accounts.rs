//! Service accounts: members of an organization that are programs. They have a name and a role, but
//! no address and no password. They call the API with API keys, or with access tokens that they
//! fetch as OAuth clients with a client secret.
//!
//! A member who manages service accounts cannot grant permissions beyond their own: neither through
//! the role of an account nor through credentials of an account that has more permissions.

mod bodies;
mod change;
mod create;
mod credential;
mod find;
mod keys;
pub(crate) mod permissions;
mod remove;
mod secrets;
mod sponsor;

use mainstay_http::Module;

/// Service accounts, their API keys and their client secrets.
pub fn module() -> Module {
    Module::new("service accounts")
        .keeping(
            "mainstay.client_secrets",
            "until the account is deleted, also when it is revoked",
        )
        .endpoints((
            create::create_service_account,
            find::list_service_accounts,
            find::get_service_account,
            change::update_service_account,
            remove::delete_service_account,
        ))
        .endpoints((
            keys::create_service_account_key,
            keys::list_service_account_keys,
            keys::get_service_account_key,
            keys::delete_service_account_key,
        ))
        .endpoints((
            secrets::create_client_secret,
            secrets::list_client_secrets,
            secrets::get_client_secret,
            secrets::delete_client_secret,
        ))
        .endpoints((
            sponsor::sponsor_service_account_key,
            sponsor::sponsor_client_secret,
        ))
}
