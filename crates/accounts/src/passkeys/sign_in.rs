//! Signing in with a passkey.

use mainstay_http::{
    CreatedAt, Header, INTERNAL, Json, Problem, Public, Shared, UserAgent, WithHeaders, input,
    post, view,
};
use mainstay_kernel::OrganizationId;

use super::{
    assertion::{SignInContext, verify},
    challenge,
    relying_party::PASSKEYS_UNAVAILABLE,
    wire::{Assertion, RequestOptions},
};
use crate::{
    accounts::Accounts,
    problems::INVALID_CREDENTIALS,
    sessions::{
        answer::{SessionView, answer},
        device::Device,
        sign_in::SignIn,
        start::SessionKind,
    },
    throttle::{
        TOO_MANY_ATTEMPTS,
        attempts::Admitted,
        keys::AttemptKeys,
        requests::{PASSKEY_OPTIONS, admit_request},
    },
};

/// What a device is asked.
#[view]
pub(super) struct PasskeyRequestOptions {
    /// Options for `navigator.credentials.get()`.
    public_key: RequestOptions,
}

/// Begin to sign in, or to step up, with a passkey.
///
/// The answer is for `navigator.credentials.get()`, within five minutes. It is the same for everybody: the device knows
/// whose passkeys it has.
#[post(
    "/v1/sessions/passkey/options",
    problems(PASSKEYS_UNAVAILABLE, TOO_MANY_ATTEMPTS)
)]
pub(super) async fn create_sign_in_options(
    by: Public,
    accounts: Shared<Accounts>,
) -> Result<Json<PasskeyRequestOptions>, Problem> {
    let webauthn = accounts.settings.relying_party.webauthn()?;
    let unscoped = by.unscoped("nobody is signed in yet");
    admit_request(&unscoped, PASSKEY_OPTIONS, by.origin().address).await?;
    let (challenge, state) = webauthn
        .start_discoverable_authentication()
        .map_err(|error| INTERNAL.problem().caused_by(error))?;
    challenge::keep(&unscoped, &challenge.public_key.challenge, None, &state).await?;
    Ok(Json(PasskeyRequestOptions {
        public_key: RequestOptions::new(&challenge)?,
    }))
}

/// How to sign in with a passkey.
#[input]
pub(super) struct CreateSessionByPasskey {
    /// What the device answered.
    credential: Assertion,
    /// Where to work, for an account of several organizations; its oldest membership when absent.
    organization_id: Option<OrganizationId>,
    /// Whether to carry the session in a cookie, for a browser's own pages, instead of giving tokens.
    #[garde(skip)]
    #[serde(default)]
    cookie: bool,
}

/// Sign in with a passkey.
///
/// It takes neither address nor password, and counts as two factors.
#[post(
    "/v1/sessions/passkey",
    problems(INVALID_CREDENTIALS, PASSKEYS_UNAVAILABLE)
)]
pub(super) async fn create_session_by_passkey(
    by: Public,
    accounts: Shared<Accounts>,
    user_agent: Header<UserAgent>,
    Json(body): Json<CreateSessionByPasskey>,
) -> Result<WithHeaders<CreatedAt<SessionView>>, Problem> {
    let unscoped = by.unscoped("nobody is signed in yet");
    let address = by.origin().address;
    let network = AttemptKeys::new(unscoped.database().ring(), "sign_in", &[], address).network;
    let wanted = SignInContext {
        organization: body.organization_id,
        network: network.clone(),
    };
    let Some(shown) = verify(&unscoped, &accounts, &body.credential, wanted).await? else {
        return Err(INVALID_CREDENTIALS
            .problem()
            .detail("The passkey is not known here, or its answer is not valid."));
    };

    let sign_in = SignIn {
        user: shown.user,
        organization: shown.organization,
        credentials: shown.credentials,
        key: &shown.key,
        email: &shown.email,
        is_new_network: shown.is_new_network,
        authenticated_at: accounts.runtime().clock.now(),
        multi_factor: true,
        kind: SessionKind::of_person(body.cookie),
        device: Device::of(by.origin(), &user_agent),
        attempt: &Admitted::uncounted(network),
    };
    let started = sign_in.start(&unscoped, &accounts).await?;

    answer(&accounts, started).await
}
