//! Sending a person to a provider.

use mainstay_accounts::throttle::{
    TOO_MANY_ATTEMPTS,
    requests::{EXTERNAL_AUTHORIZATIONS, admit_request},
};
use mainstay_database::Unscoped;
use mainstay_http::{
    Fresh, InPerson, Json, Listing, Problem, Public, Shared, WithHeaders, get, input, post, view,
};
use mainstay_kernel::{ExposeSecret as _, UserId};
use mainstay_principals::secret::FreshSecret;
use openidconnect::{
    CsrfToken, Nonce, PkceCodeChallenge, PkceCodeVerifier, Scope,
    core::{CoreAuthPrompt, CoreAuthenticationFlow},
};

use super::{
    callback::BindingCookie,
    pending::{Begun, LIFETIME, PendingAuthorization},
    problems::PROVIDER_UNAVAILABLE,
    provider::Provider,
    providers::Providers,
};

/// A provider to sign in by.
#[view]
pub(super) struct ExternalProviderView {
    /// What the API calls it.
    name: String,
    /// What to show people.
    label: String,
    /// Its issuer identifier.
    issuer: String,
}

/// List the providers that one may sign in by.
#[get("/v1/external-providers")]
pub(super) async fn list_external_providers(
    _by: Public,
    providers: Shared<Providers>,
) -> Result<Listing<ExternalProviderView>, Problem> {
    let providers = providers
        .providers
        .iter()
        .map(|provider| &provider.settings);

    let items = providers.map(|settings| ExternalProviderView {
        name: settings.name.clone(),
        label: settings.label.clone(),
        issuer: settings.issuer.clone(),
    });

    Ok(Listing {
        items: items.collect(),
    })
}

/// By which provider, and how.
#[input]
pub(super) struct CreateExternalAuthorization {
    /// The provider's name.
    #[garde(length(chars, min = 1, max = 40))]
    provider: String,
    /// Whether the person has to prove anew who it is, although the provider may know it still. Then the session counts as
    /// fresh.
    #[garde(skip)]
    #[serde(default)]
    reauthenticate: bool,
    /// Whether to bind the sign-in to this browser by a cookie, for a browser's own pages, instead of giving a binding.
    #[garde(skip)]
    #[serde(default)]
    cookie: bool,
}

/// A sign-in that has begun.
#[view]
pub(super) struct ExternalAuthorizationView {
    /// Where to send the person. The provider sends them back to the address that was registered there, with `state` and
    /// `code`, and with `iss` where it can.
    authorization_url: String,
    /// What comes back as `state`: with any other it is not the answer to this.
    state: String,
    /// What to show in the end, and nowhere else; null where a cookie of the browser does it.
    binding: Option<String>,
    /// Seconds until it is given up.
    expires_in: i64,
}

/// Begin to sign in elsewhere.
#[post(
    "/v1/external-authorizations",
    problems(PROVIDER_UNAVAILABLE, TOO_MANY_ATTEMPTS)
)]
pub(super) async fn create_external_authorization(
    by: Public,
    providers: Shared<Providers>,
    Json(body): Json<CreateExternalAuthorization>,
) -> Result<WithHeaders<Json<ExternalAuthorizationView>>, Problem> {
    let provider = providers.provider(&body.provider)?;
    let unscoped = by.unscoped("nobody is signed in yet");
    let state = fresh_state(&unscoped);
    admit_request(&unscoped, EXTERNAL_AUTHORIZATIONS, by.origin().address).await?;
    begin(&providers, &unscoped, provider, state, &body, None).await
}

/// Begin to link an identity of elsewhere to one's account.
///
/// It ends at `POST /v1/me/external-identities`, for the same account alone.
#[post("/v1/me/external-authorizations", problems(PROVIDER_UNAVAILABLE))]
pub(super) async fn create_own_external_authorization(
    by: Fresh<InPerson>,
    providers: Shared<Providers>,
    Json(body): Json<CreateExternalAuthorization>,
) -> Result<WithHeaders<Json<ExternalAuthorizationView>>, Problem> {
    let provider = providers.provider(&body.provider)?;
    let unscoped =
        by.unscoped("an identity is linked to an account, which stands above organizations");
    let user = by.principal().user;

    begin(
        &providers,
        &unscoped,
        provider,
        fresh_state(&unscoped),
        &body,
        Some(user),
    )
    .await
}

fn fresh_state(unscoped: &Unscoped) -> FreshSecret {
    FreshSecret::new(&unscoped.database().runtime().random, "")
}

async fn begin(
    providers: &Providers,
    unscoped: &Unscoped,
    provider: &Provider,
    state: FreshSecret,
    body: &CreateExternalAuthorization,
    user: Option<UserId>,
) -> Result<WithHeaders<Json<ExternalAuthorizationView>>, Problem> {
    let runtime = unscoped.database().runtime();
    let said = provider.said(providers.http()?, runtime).await?;

    let secret = || {
        FreshSecret::new(&runtime.random, "")
            .text
            .expose_secret()
            .to_owned()
    };

    let pending = PendingAuthorization {
        provider: provider.settings.name.clone(),
        nonce: secret(),
        verifier: secret(),
        reauthenticate: body.reauthenticate,
        user,
        begun_at: runtime.clock.now(),
        person: None,
    };

    let client = provider.client(&said)?;
    let (state_text, nonce) = (state.text.expose_secret().to_owned(), pending.nonce.clone());
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(
        pending.verifier.clone(),
    ));

    let mut request = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            || CsrfToken::new(state_text),
            || Nonce::new(nonce),
        )
        .add_scopes(provider.settings.scopes.iter().cloned().map(Scope::new))
        .set_pkce_challenge(challenge);

    if body.reauthenticate {
        request = request
            .add_prompt(CoreAuthPrompt::Login)
            .set_max_age(std::time::Duration::ZERO);
    }

    let (url, ..) = request.url();
    let Begun { state, binding } = pending.keep(unscoped, state).await?;
    let cookie = body.cookie.then(|| BindingCookie::set(&binding)).flatten();
    let view = ExternalAuthorizationView {
        authorization_url: url.into(),
        state: state.text.expose_secret().to_owned(),
        binding: (!body.cookie).then(|| binding.expose_secret().to_owned()),
        expires_in: LIFETIME.whole_seconds(),
    };

    Ok(WithHeaders(Json(view), cookie.into_iter().collect()))
}
