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

mod begin;
mod callback;
mod exchange;
mod http;
mod identities;
mod keys;
mod pending;
mod provider;
mod settings;
mod sign_in;
mod sign_up;
mod subject;

use ::http::StatusCode;
use mainstay_http::{FieldError, INVALID_INPUT, Kind, Module, Problem};

pub use settings::{ExternalSettings, ProviderSettings};

use http::HttpClient;
use provider::{Provider, unavailable};

/// The provider, or what it says, was not accepted.
const EXTERNAL_SIGN_IN_REFUSED: Kind = Kind::new(
    StatusCode::UNAUTHORIZED,
    "external_sign_in_refused",
    "The sign-in elsewhere was not accepted, or was used already: begin again.",
);
/// The provider does not answer as it should.
const PROVIDER_UNAVAILABLE: Kind = Kind::new(
    StatusCode::SERVICE_UNAVAILABLE,
    "provider_unavailable",
    "The provider does not answer as it should: try again later, or sign in another way.",
);
/// Nobody here goes by the identity, and the provider's people get no accounts by themselves.
const NO_ACCOUNT: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "no_account",
    "No account goes by this identity: sign in another way, then link it to your account.",
);
/// The provider has not checked the person's address, so no account can be made with it.
const EMAIL_UNVERIFIED: Kind = Kind::new(
    StatusCode::FORBIDDEN,
    "email_unverified",
    "The provider does not vouch for your e-mail address, which an account needs.",
);
/// An account has the person's address. It may be another person's.
const ACCOUNT_EXISTS: Kind = Kind::new(
    StatusCode::CONFLICT,
    "account_exists",
    "An account has your e-mail address already: sign in to it another way, then link this identity.",
);
/// The identity is linked already.
const IDENTITY_TAKEN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "identity_taken",
    "This identity is linked to an account already.",
);
/// Without this nobody could sign in to the account any more.
pub(crate) const LAST_WAY_IN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "last_way_to_sign_in",
    "This is the only way to sign in to your account: set a password or add another way first.",
);
/// Sign-in elsewhere.
pub(crate) fn module() -> Module {
    Module::new("external sign-in")
        .table(subject::table())
        .private_column(pending::PAYLOAD)
        .endpoints((
            begin::list_external_providers,
            begin::create_external_authorization,
            sign_in::create_external_session,
            begin::create_own_external_authorization,
            identities::list_external_identities,
            identities::create_external_identity,
            identities::delete_external_identity,
        ))
}

/// The providers that people may sign in by, and the client that speaks to them.
pub(crate) struct External {
    providers: Vec<Provider>,
    http: Option<HttpClient>,
}

impl External {
    /// Stands ready; no provider is asked anything before somebody signs in by it.
    pub(crate) fn new(settings: &ExternalSettings) -> Self {
        let ExternalSettings {
            providers,
            timeout,
            loopback,
        } = settings;

        let http = (!providers.is_empty()).then(|| HttpClient::new(*timeout, *loopback));
        let http = http.transpose().inspect_err(|error| {
            let why = provider::causes(error);
            tracing::error!(
                why,
                "there is no TLS to speak to providers with; nobody can sign in by them"
            );
        });

        Self {
            providers: providers.iter().cloned().map(Provider::new).collect(),
            http: http.ok().flatten(),
        }
    }

    /// The provider of that name.
    ///
    /// # Errors
    /// [`INVALID_INPUT`], for the body's member `provider`.
    fn provider(&self, name: &str) -> Result<&Provider, Problem> {
        self.providers
            .iter()
            .find(|provider| provider.settings.name == name)
            .ok_or_else(|| {
                INVALID_INPUT.problem().errors([FieldError {
                    location: "body".into(),
                    pointer: "/provider".to_owned(),
                    detail: "not a provider to sign in by".to_owned(),
                }])
            })
    }

    /// What the provider with that issuer is called; `None` when it is not one any more.
    fn name_of(&self, issuer: &str) -> Option<&str> {
        let mut providers = self.providers.iter().map(|provider| &provider.settings);
        providers
            .find(|settings| settings.issuer == issuer)
            .map(|settings| settings.name.as_str())
    }

    fn http(&self) -> Result<&HttpClient, Problem> {
        self.http
            .as_ref()
            .ok_or_else(|| unavailable("there is no TLS to speak to providers with"))
    }
}
