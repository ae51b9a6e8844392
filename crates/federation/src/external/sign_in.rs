//! Signing in with what came back from a provider.

use mainstay_accounts::{
    Accounts,
    problems::INVALID_CREDENTIALS,
    second_factors::{
        code::Code,
        sign_in::{SECOND_FACTOR_REQUIRED, show_at_sign_in},
    },
    sessions::{
        answer::{SessionView, answer},
        device::Device,
        sign_in::SignIn,
        start::SessionKind,
    },
    throttle::{
        TOO_MANY_ATTEMPTS, attempts::Admitted, keys::AttemptKeys, refusals::record_failure,
    },
};
use mainstay_database::Unscoped;
use mainstay_http::{
    Cookie, CreatedAt, Header, INVALID_INPUT, Json, Problem, Public, Shared, UserAgent,
    WithHeaders, input, post,
};
use mainstay_kernel::{OrganizationId, Timestamp};
use mainstay_principals::events::{Action, about_user};

use super::{
    account::LinkedAccount,
    callback::{BindingCookie, Callback, Vouched},
    person::Person,
    problems::{
        ACCOUNT_EXISTS, EMAIL_UNVERIFIED, EXTERNAL_SIGN_IN_REFUSED, NO_ACCOUNT,
        PROVIDER_UNAVAILABLE,
    },
    provider::Provider,
    providers::Providers,
    sign_up::sign_up,
    subject::Subject,
};

/// What came back from the provider.
#[input]
pub(super) struct CreateExternalSession {
    /// The provider that sent the person back, as the address that it did so to tells.
    #[garde(length(chars, min = 1, max = 40))]
    provider: String,
    /// The `state` that came back.
    #[garde(length(chars, min = 1, max = 200))]
    state: String,
    /// The `code` that came back.
    #[garde(length(chars, min = 1, max = 4096))]
    code: String,
    /// The `iss` that came back, if one did.
    #[garde(length(chars, min = 1, max = 2000))]
    iss: Option<String>,
    /// The `binding` that was given in the beginning; absent where a cookie has it.
    #[garde(length(chars, min = 1, max = 200))]
    binding: Option<String>,
    /// A code of the account's own second factor: what an authenticator app shows, or a recovery code.
    second_factor: Option<Code>,
    /// Where to work, for an account of several organizations; its oldest membership when absent.
    organization_id: Option<OrganizationId>,
    /// Whether to carry the session in a cookie, for a browser's own pages, instead of giving tokens.
    #[garde(skip)]
    #[serde(default)]
    cookie: bool,
}

/// Sign in with what came back from a provider.
///
/// The account is the one that the identity is linked to. Where there is none and the provider's people may sign up, one
/// is made with the e-mail address that the provider has verified. Where the account has a second factor, a code of it is
/// asked for: send the same once more, with the code.
#[post(
    "/v1/external-sessions",
    problems(
        EXTERNAL_SIGN_IN_REFUSED,
        PROVIDER_UNAVAILABLE,
        NO_ACCOUNT,
        EMAIL_UNVERIFIED,
        ACCOUNT_EXISTS,
        SECOND_FACTOR_REQUIRED,
        INVALID_CREDENTIALS,
        TOO_MANY_ATTEMPTS
    )
)]
pub(super) async fn create_external_session(
    by: Public,
    accounts: Shared<Accounts>,
    providers: Shared<Providers>,
    user_agent: Header<UserAgent>,
    cookie: Cookie<BindingCookie>,
    Json(body): Json<CreateExternalSession>,
) -> Result<WithHeaders<CreatedAt<SessionView>>, Problem> {
    let unscoped = by.unscoped("nobody is signed in yet");
    let device = Device::of(by.origin(), &user_agent);
    let ring = unscoped.database().ring();
    let address = by.origin().address;
    let mut attempt =
        Admitted::uncounted(AttemptKeys::new(ring, "external_sign_in", &[], address).network);

    let (organization, kind) = (body.organization_id, SessionKind::of_person(body.cookie));

    let CreateExternalSession {
        provider,
        state,
        code,
        iss: issuer,
        binding,
        second_factor,
        ..
    } = body;

    let callback = Callback {
        provider,
        state,
        code,
        issuer,
        binding,
    };

    let vouched = async {
        let vouched = callback.person(&providers, &unscoped, cookie, None).await?;
        let account = account_of(&unscoped, &vouched, organization, &attempt).await?;
        account
            .may_be_signed_in_to(organization)
            .map(|()| (vouched, account))
    };

    let (
        Vouched {
            provider,
            person,
            taken,
        },
        account,
    ) = match vouched.await {
        Ok(vouched) => vouched,
        Err(problem) => {
            if problem.kind() != INVALID_INPUT {
                record_failure(&unscoped, about_user(Action::LoginFail, None, None)).await?;
            }
            return Err(problem);
        }
    };

    let mut multi_factor = provider.settings.trust_mfa && person.multi_factor;
    if account.second_factor && !multi_factor {
        let holder = account.holder();
        let shown = show_at_sign_in(
            &unscoped,
            &holder,
            second_factor.as_ref(),
            &mut attempt,
            address,
        );
        if let Err(problem) = shown.await {
            taken.put_back(&unscoped, person).await?;
            return Err(problem);
        }

        multi_factor = true;
    }

    let now = accounts.runtime().clock.now();
    let sign_in = SignIn {
        user: account.user,
        organization: account.organization,
        credentials: account.credentials,
        key: &account.key,
        email: &account.email,
        is_new_network: account.is_new_network,
        authenticated_at: authenticated_at(provider, &person, now),
        multi_factor,
        kind,
        device,
        attempt: &attempt,
    };
    let started = sign_in.start(&unscoped, &accounts).await?;

    account.note_use(&unscoped, now).await?;
    let WithHeaders(shown, mut headers) = answer(&accounts, started).await?;
    headers.extend(BindingCookie::clear());

    Ok(WithHeaders(shown, headers))
}

/// When the person proved who it is, which what is sensitive asks for (OWASP ASVS 6.8.4). Where the provider does not say
/// it, it may have been long ago, unless the operator knows better.
fn authenticated_at(provider: &Provider, person: &Person, now: Timestamp) -> Timestamp {
    let unknown = if provider.settings.assume_fresh {
        now
    } else {
        Timestamp::UNIX_EPOCH
    };
    person.authenticated_at.unwrap_or(unknown)
}

/// The account of a person: found, or made where that is allowed.
async fn account_of(
    unscoped: &Unscoped,
    vouched: &Vouched<'_>,
    organization: Option<OrganizationId>,
    attempt: &Admitted,
) -> Result<LinkedAccount, Problem> {
    let Vouched {
        provider, person, ..
    } = vouched;
    let subject = Subject::of(person);
    if let Some(account) =
        LinkedAccount::find(unscoped, &subject, organization, &attempt.network).await?
    {
        return Ok(account);
    }
    if !provider.settings.sign_up {
        return Err(NO_ACCOUNT.problem());
    }
    if let Some(account) = sign_up(unscoped, person, &subject).await? {
        return Ok(account);
    }

    // The address is taken: by the same person, who was here twice at the same moment, or by somebody else.
    let found = LinkedAccount::find(unscoped, &subject, organization, &attempt.network).await?;
    found.ok_or_else(|| ACCOUNT_EXISTS.problem())
}
