//! OAuth 2: tokens for machines (client credentials) and for applications that a person lets in (authorization code with
//! PKCE), by RFC 6749 as RFC 9700 narrows it.
//!
//! There is no implicit and no password grant, and no redirect that an operator did not register. A person is asked before
//! an application gets access, and withdraws it when they like ([`consent`], [`applications`]). What a
//! code or a secret gives is a session like any other: people see it among theirs and end it there. Signing in is not
//! done here: the page at `/oauth/authorize` does it by a cookie of [`sessions`](mainstay_accounts::sessions).

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
