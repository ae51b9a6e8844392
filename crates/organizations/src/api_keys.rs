//! API keys: with what programs call the API in somebody's name, without a sign-in.
//!
//! A key works in one organization, as long as its owner belongs there. It keeps the permissions of the moment it was made,
//! narrowed by scopes, and may do of them what its owner's role and its sponsor's still grant. The sponsor of a service
//! account's key is the member who made it or took it over. `text` is how a key is written, `authenticate` how one is recognised; what only a
//! person may do (`InPerson`, `Fresh`) no key may.

mod authenticate;
mod create;
mod list;
mod new;
mod operators;
mod organization;
mod revoke;
mod row;
mod text;

use mainstay_http::Module;

pub(crate) use new::{
    CreateApiKey, MOST_KEYS, NewApiKey, Scope, TOO_MANY_KEYS, lifetime, scopes_within,
};
pub use operators::{KeysOf, ListedKey, list_keys, revoke_key};
pub(crate) use row::{ApiKeyId, ApiKeyView, KeysWanted, MadeApiKeyView, select_keys};
pub(crate) use text::is_key;

mainstay_access::permission! {
    /// See and revoke the API keys of everybody in the organization.
    pub(crate) ApiKeysManage = "api_keys.manage", for [Owner, Manager], administrative;
}

/// One's own keys, and those of the organization.
pub(crate) fn module() -> Module {
    Module::new("api keys").endpoints((
        create::create_api_key,
        list::list_api_keys,
        list::get_api_key,
        revoke::delete_api_key,
        organization::list_organization_api_keys,
        organization::delete_organization_api_key,
    ))
}
