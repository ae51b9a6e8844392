//! API keys: credentials with which a program calls the API on behalf of an account, without
//! signing in.
//!
//! A key works in one organization, as long as its owner is a member. It is limited to the
//! permissions that were granted when it was created, narrowed by its scopes. On each call, it may
//! use those that the roles of its owner and of its sponsor still grant. The sponsor of a service
//! account's key is the member who created it or took it over. The format of a key and its
//! verification are in [`mainstay_principals::api_keys`].

mod create;
mod list;
pub(crate) mod new;
pub(crate) mod operators;
mod organization;
pub(crate) mod permissions;
mod revoke;
pub(crate) mod view;

use mainstay_http::Module;

use crate::settings::Settings;

/// The caller's own keys, and those of the organization.
pub fn module() -> Module {
    Module::new("api keys")
        .keeping(
            "mainstay.api_keys",
            "until the account or the organization is deleted, also when it is revoked",
        )
        .awaits::<Settings>()
        .endpoints((
            create::create_api_key,
            list::list_api_keys,
            list::get_api_key,
            revoke::delete_api_key,
            organization::list_organization_api_keys,
            organization::delete_organization_api_key,
        ))
}
