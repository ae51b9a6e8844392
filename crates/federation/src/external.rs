//! External sign-in with OpenID Connect: the authorization code flow with PKCE, state and nonce.
//!
//! 1. `POST /v1/external-authorizations` stores a pending authorization, sealed, and returns where
//!    to redirect the person. The client gets a state, which is sent to the provider, and a
//!    binding, which is not: it is a cookie of the browser or a secret of the client.
//! 2. The provider redirects the person to its `redirect_uri`, with `code` and `state`, and with
//!    `iss` if it supports it.
//! 3. `POST /v1/external-sessions` receives these and the binding, exchanges the code, verifies the
//!    ID token and starts a session.
//!
//! An account is found by issuer and subject only (OWASP ASVS 6.8.1), because an e-mail address can
//! pass from one person to another. A person who has an account links an identity to it while
//! signed in. ID tokens and responses are verified according to OpenID Connect Core 1.0 §3.1.3.7,
//! RFC 8725, RFC 9207 and RFC 9700.
//!
//! Access tokens of a provider are neither stored nor used.

mod account;
mod begin;
mod callback;
mod exchange;
mod http;
mod identities;
mod keys;
mod link;
mod pending;
mod person;
mod problems;
mod provider;
pub(crate) mod provider_list;
pub(crate) mod providers;
pub(crate) mod settings;
mod sign_in;
mod sign_up;
mod subject;

use mainstay_http::{Module, Recipient};

use providers::Providers;

/// The providers, as recipients of personal data.
const PROVIDERS: Recipient = Recipient {
    who: "the OpenID providers of `MAINSTAY_IDENTITY_OIDC_PROVIDERS`",
    what: "that a person signs in to this service; no data stored here",
    when: "when a person signs in with a provider",
};

/// External sign-in, and the identities linked to accounts.
pub fn module() -> Module {
    Module::new("external sign-in")
        .keeping(
            "mainstay.external_identities",
            "until it is removed, or with the account",
        )
        .keeping(
            "mainstay.external_authorizations",
            "ten minutes; deleted with the next ones",
        )
        .awaits::<Providers>()
        .table(subject::table())
        .private_column(pending::PAYLOAD)
        .recipient(PROVIDERS)
        .endpoints((
            begin::list_external_providers,
            begin::create_external_authorization,
            sign_in::create_external_session,
            begin::create_own_external_authorization,
            identities::list_external_identities,
            link::create_external_identity,
            identities::delete_external_identity,
        ))
}
