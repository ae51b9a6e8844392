//! OAuth 2: tokens for machines (client credentials) and for applications that a person authorizes
//! (authorization code with PKCE), according to RFC 6749 and RFC 9700.
//!
//! There is no implicit grant, no password grant, and no redirect to an address that an operator
//! has not registered. A person is asked before an application gets access, and can withdraw the
//! access at any time ([`consent`], [`applications`]). A code or a secret starts a session like any
//! other: people see it among their sessions and can end it. The page at `/oauth/authorize` signs
//! the person in with a cookie of [`sessions`](mainstay_accounts::sessions).

mod applications;
mod authorize;
mod client;
mod code;
mod consent;
mod grants;
mod introspect;
mod kinds;
mod metadata;
mod redirect;
pub(crate) mod register;
mod request;
mod revoke;
mod token;

use mainstay_access::Permission as _;
use mainstay_http::Module;

/// The endpoints of OAuth 2.
pub fn module() -> Module {
    Module::new("oauth")
        .keeping(
            "mainstay.oauth_clients",
            "permanently; an operator can deactivate it",
        )
        .keeping(
            "mainstay.oauth_grants",
            "until the person withdraws it, leaves the organization or deletes the account",
        )
        .keeping(
            "mainstay.authorization_codes",
            "a minute; deleted with the next ones, or with their session",
        )
        .permission(introspect::TokensIntrospect::DECLARED)
        .endpoints((
            metadata::get_authorization_server_metadata,
            authorize::check_authorization_request,
            authorize::create_authorization,
            token::create_token,
            revoke::revoke_token,
            introspect::introspect_token,
            applications::list_applications,
            applications::withdraw_application,
        ))
}
