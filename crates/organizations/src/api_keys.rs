//! API keys: with what programs call the API in somebody's name, without a sign-in.
//!
//! A key works in one organization, as long as its owner belongs there. It keeps the permissions of the moment it was made,
//! narrowed by scopes, and may do of them what its owner's role and its sponsor's still grant. The sponsor of a service
//! account's key is the member who made it or took it over. How a key is written and recognised is
//! in [`mainstay_principals::api_keys`].

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

/// One's own keys, and those of the organization.
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
