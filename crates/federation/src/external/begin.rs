//! Starts an external sign-in: creates the URL that sends a person to a provider.

use mainstay_accounts::throttle::{
    TOO_MANY_ATTEMPTS,
    requests::{EXTERNAL_AUTHORIZATIONS, admit_request},
};
use mainstay_database::Sql;
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
    pending::{LIFETIME, PendingAuthorization, StartedAuthorization},
    problems::PROVIDER_UNAVAILABLE,
    provider::Provider,
    providers::Providers,
};
use crate::unlimited::BY_STATE;

/// An OpenID provider that people can sign in with.
#[view]
pub(super) struct ExternalProviderView {
    /// The provider's name in the API.
    name: String,
    /// The label to show people.
    label: String,
    /// The provider's issuer identifier.
    issuer: String,
}

/// List the providers that people can sign in with.
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

/// A new external sign-in.
#[input]
pub(super) struct CreateExternalAuthorization {
    /// The provider's name.
    #[garde(length(chars, min = 1, max = 40))]
    provider: String,
    /// Whether the person must re-authenticate at the provider, even if already signed in there.
    /// The session then counts as fresh.
    #[garde(skip)]
    #[serde(default)]
    reauthenticate: bool,
    /// Whether to bind the sign-in to this browser with a cookie instead of a `binding`. For pages
    /// in a browser.
    #[garde(skip)]
    #[serde(default)]
    cookie: bool,
}

/// An external sign-in that was started.
#[view]
pub(super) struct ExternalAuthorizationView {
    /// Where to redirect the person. The provider redirects them back to the address that is
    /// registered with it, with `state` and `code`, and with `iss` if it supports it.
    authorization_url: String,
    /// The `state` that the provider returns. Ignore a response with any other.
    state: String,
    /// A secret to keep, and to send only when you complete the sign-in; null if the browser has a
    /// cookie instead.
    binding: Option<String>,
    /// Seconds until the sign-in expires.
    expires_in: i64,
}

/// Start to sign in with a provider.
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
    let sql = by.unlimited(BY_STATE);
    let state = fresh_state(&sql);
    admit_request(&sql, EXTERNAL_AUTHORIZATIONS, by.origin().address).await?;
    begin(&providers, &sql, provider, state, &body, None).await
}

/// Start to link an external identity to your account.
///
/// Complete it at `POST /v1/me/external-identities`, with the same account.
#[post("/v1/me/external-authorizations", problems(PROVIDER_UNAVAILABLE))]
pub(super) async fn create_own_external_authorization(
    by: Fresh<InPerson>,
    providers: Shared<Providers>,
    Json(body): Json<CreateExternalAuthorization>,
) -> Result<WithHeaders<Json<ExternalAuthorizationView>>, Problem> {
    let provider = providers.provider(&body.provider)?;
    let sql = by.unlimited(BY_STATE);
    let user = by.principal().user;

    begin(
        &providers,
        &sql,
        provider,
        fresh_state(&sql),
        &body,
        Some(user),
    )
    .await
}

fn fresh_state(sql: &Sql) -> FreshSecret {
    FreshSecret::new(&sql.database().runtime().random, "")
}

async fn begin(
    providers: &Providers,
    sql: &Sql,
    provider: &Provider,
    state: FreshSecret,
    body: &CreateExternalAuthorization,
    user: Option<UserId>,
) -> Result<WithHeaders<Json<ExternalAuthorizationView>>, Problem> {
    let runtime = sql.database().runtime();
    let discovery = provider.discovery(providers.http()?, runtime).await?;

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
        started_at: runtime.clock.now(),
        person: None,
    };

    let client = provider.client(&discovery)?;
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
    let StartedAuthorization { state, binding } = pending.keep(sql, state).await?;
    let cookie = body.cookie.then(|| BindingCookie::set(&binding)).flatten();
    let view = ExternalAuthorizationView {
        authorization_url: url.into(),
        state: state.text.expose_secret().to_owned(),
        binding: (!body.cookie).then(|| binding.expose_secret().to_owned()),
        expires_in: LIFETIME.whole_seconds(),
    };

    Ok(WithHeaders(Json(view), cookie.into_iter().collect()))
}
