//! Sign-in elsewhere, by OpenID Connect: the authorization code flow with PKCE, state and nonce.
//!
//! 1. `POST /v1/external-authorizations` keeps what is needed in the end, sealed, and says where to send the person. The
//!    client gets a state, which travels, and a binding, which stays: as a cookie of the browser, or as a secret of the
//!    client.
//! 2. The provider sends the person back to its `redirect_uri`, with `code` and `state`, and with `iss` where it can.
//! 3. `POST /v1/external-sessions` takes these and the binding, exchanges the code, believes the ID token or not, and
//!    begins a session.
//!
//! An account is found by issuer and subject, and by nothing else (OWASP ASVS 6.8.1): an e-mail address moves between
//! people. Whoever has an account links an identity to it while signed in. What a provider says is held against OpenID
//! Connect Core 1.0 §3.1.3.7, RFC 8725, RFC 9207 and RFC 9700.
//!
//! No access token of a provider is kept, and nothing is asked of it but who somebody is.

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

/// Who learns of a sign-in.
const PROVIDERS: Recipient = Recipient {
    who: "the OpenID providers of `MAINSTAY_IDENTITY_OIDC_PROVIDERS`",
    what: "that a person signs in to this service; no data stored here",
    when: "when a person signs in with a provider",
};

/// Sign-in elsewhere.
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
