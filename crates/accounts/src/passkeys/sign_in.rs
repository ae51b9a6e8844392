//! Signs in with a passkey.

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
    unlimited::SIGNED_OUT,
};

/// The request to a device to sign in with a passkey.
#[view]
pub(super) struct PasskeyRequestOptions {
    /// Options for `navigator.credentials.get()`.
    public_key: RequestOptions,
}

/// Start a sign-in or a step-up with a passkey.
///
/// Pass the response to `navigator.credentials.get()`. It is valid for five minutes. It does not
/// depend on an account: the device knows the accounts of its passkeys.
#[post(
    "/v1/sessions/passkey/options",
    problems(PASSKEYS_UNAVAILABLE, TOO_MANY_ATTEMPTS)
)]
pub(super) async fn create_sign_in_options(
    by: Public,
    accounts: Shared<Accounts>,
) -> Result<Json<PasskeyRequestOptions>, Problem> {
    let webauthn = accounts.settings.relying_party.webauthn()?;
    let sql = by.unlimited(SIGNED_OUT);
    admit_request(&sql, PASSKEY_OPTIONS, by.origin().address).await?;

    let (challenge, state) = webauthn
        .start_discoverable_authentication()
        .map_err(|error| INTERNAL.problem().caused_by(error))?;
    challenge::keep(&sql, &challenge.public_key.challenge, None, &state).await?;

    Ok(Json(PasskeyRequestOptions {
        public_key: RequestOptions::new(&challenge)?,
    }))
}

/// A sign-in with a passkey.
#[input]
pub(super) struct CreateSessionByPasskey {
    /// The device's response.
    credential: Assertion,
    /// The organization to work in; by default, the one that the account joined first.
    organization_id: Option<OrganizationId>,
    /// Whether to set a session cookie, for browser pages of this origin, instead of returning
    /// tokens.
    #[garde(skip)]
    #[serde(default)]
    cookie: bool,
}

/// Sign in with a passkey.
///
/// A passkey needs neither address nor password, and counts as two factors.
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
    let sql = by.unlimited(SIGNED_OUT);
    let address = by.origin().address;
    let network = AttemptKeys::new(sql.database().ring(), "sign_in", &[], address).network;
    let wanted = SignInContext {
        organization: body.organization_id,
        network: network.clone(),
    };
    let Some(holder) = verify(&sql, &accounts, &body.credential, wanted).await? else {
        return Err(INVALID_CREDENTIALS
            .problem()
            .detail("The passkey is unknown, or its response is not valid."));
    };

    let sign_in = SignIn {
        user: holder.user,
        organization: holder.organization,
        credentials: holder.credentials,
        key: &holder.key,
        email: &holder.email,
        is_new_network: holder.is_new_network,
        authenticated_at: accounts.runtime().clock.now(),
        multi_factor: true,
        kind: SessionKind::of_person(body.cookie),
        device: Device::of(by.origin(), &user_agent),
        attempt: &Admitted::uncounted(network),
    };
    let started = sign_in.start(&sql, &accounts).await?;

    answer(&accounts, started).await
}
