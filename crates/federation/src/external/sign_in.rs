//! Completes an external sign-in with the provider's response.

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
use mainstay_database::Sql;
use mainstay_http::{
    Cookie, CreatedAt, Header, INVALID_INPUT, Json, Problem, Public, Shared, UserAgent,
    WithHeaders, input, post,
};
use mainstay_kernel::{OrganizationId, Timestamp};
use mainstay_principals::events::{Action, about_user};

use super::{
    account::LinkedAccount,
    callback::{BindingCookie, Callback, VerifiedCallback},
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
use crate::unlimited::SIGNED_OUT;

/// The provider's response.
#[input]
pub(super) struct CreateExternalSession {
    /// The name of the provider that sent the response, as the redirect address identifies it.
    #[garde(length(chars, min = 1, max = 40))]
    provider: String,
    /// The `state` of the response.
    #[garde(length(chars, min = 1, max = 200))]
    state: String,
    /// The `code` of the response.
    #[garde(length(chars, min = 1, max = 4096))]
    code: String,
    /// The `iss` of the response, if present.
    #[garde(length(chars, min = 1, max = 2000))]
    iss: Option<String>,
    /// The `binding` from the start; absent if the browser has a cookie instead.
    #[garde(length(chars, min = 1, max = 200))]
    binding: Option<String>,
    /// A code of the account's second factor: from an authenticator app, or a recovery code.
    second_factor: Option<Code>,
    /// The organization to work in. The default is the oldest membership of the account.
    organization_id: Option<OrganizationId>,
    /// Whether to return the session in a cookie instead of tokens. For pages in a browser.
    #[garde(skip)]
    #[serde(default)]
    cookie: bool,
}

/// Sign in with a provider's response.
///
/// Signs in to the account that the identity is linked to. If there is none and the provider's
/// settings allow sign-up, an account is created with the e-mail address that the provider has
/// verified. If the account has a second factor and no code is sent, the request is refused: send
/// the same request again, with the code.
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
    let sql = by.unlimited(SIGNED_OUT);
    let device = Device::of(by.origin(), &user_agent);
    let ring = sql.database().ring();
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

    let verified = async {
        let verified = callback.person(&providers, &sql, cookie, None).await?;
        let account = account_of(&sql, &verified, organization, &attempt).await?;
        account
            .may_be_signed_in_to(organization)
            .map(|()| (verified, account))
    };

    let (
        VerifiedCallback {
            provider,
            person,
            taken,
        },
        account,
    ) = match verified.await {
        Ok(verified) => verified,
        Err(problem) => {
            if problem.kind() != INVALID_INPUT {
                record_failure(&sql, about_user(Action::LoginFail, None, None)).await?;
            }
            return Err(problem);
        }
    };

    let mut multi_factor = provider.settings.trust_mfa && person.multi_factor;
    if account.second_factor && !multi_factor {
        let holder = account.holder();
        let shown = show_at_sign_in(&sql, &holder, second_factor.as_ref(), &mut attempt, address);
        if let Err(problem) = shown.await {
            taken.put_back(&sql, person).await?;
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
    let started = sign_in.start(&sql, &accounts).await?;

    account.note_use(&sql, now).await?;
    let WithHeaders(shown, mut headers) = answer(&accounts, started).await?;
    headers.extend(BindingCookie::clear());

    Ok(WithHeaders(shown, headers))
}

/// Returns when the person authenticated, for operations that require fresh proof (OWASP ASVS
/// 6.8.4). If the provider does not report it, the sign-in does not count as fresh, unless the
/// operator has set `assume_fresh`.
fn authenticated_at(provider: &Provider, person: &Person, now: Timestamp) -> Timestamp {
    let unknown = if provider.settings.assume_fresh {
        now
    } else {
        Timestamp::UNIX_EPOCH
    };
    person.authenticated_at.unwrap_or(unknown)
}

/// Finds the account of a person, or creates one if the provider's settings allow sign-up.
async fn account_of(
    sql: &Sql,
    verified: &VerifiedCallback<'_>,
    organization: Option<OrganizationId>,
    attempt: &Admitted,
) -> Result<LinkedAccount, Problem> {
    let VerifiedCallback {
        provider, person, ..
    } = verified;
    let subject = Subject::of(person);
    if let Some(account) =
        LinkedAccount::find(sql, &subject, organization, &attempt.network).await?
    {
        return Ok(account);
    }
    if !provider.settings.sign_up {
        return Err(NO_ACCOUNT.problem());
    }
    if let Some(account) = sign_up(sql, person, &subject).await? {
        return Ok(account);
    }

    // The address is taken: by a concurrent request of the same person, or by another person.
    let found = LinkedAccount::find(sql, &subject, organization, &attempt.network).await?;
    found.ok_or_else(|| ACCOUNT_EXISTS.problem())
}
