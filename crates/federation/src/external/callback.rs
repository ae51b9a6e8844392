//! Handles the response of a provider, once, and only for the client that started the sign-in.

use http::{HeaderName, HeaderValue};
use mainstay_database::Sql;
use mainstay_http::{Cookie, CookieValue, Problem};
use mainstay_kernel::{ExposeSecret as _, SecretString, UserId};
use mainstay_principals::set_cookie::{SameSite, set_cookie};
use time::Duration;

use super::{
    exchange::refused,
    pending::{LIFETIME, Taken},
    person::Person,
    provider::Provider,
    providers::Providers,
};

/// The parameters that a client received from a provider.
pub(crate) struct Callback {
    pub(super) provider: String,
    pub(super) state: String,
    pub(super) code: String,
    pub(super) issuer: Option<String>,
    pub(super) binding: Option<String>,
}

/// A person whom a provider has authenticated.
pub(crate) struct VerifiedCallback<'i> {
    pub(super) provider: &'i Provider,
    pub(super) person: Person,
    pub(super) taken: Taken,
}

impl Callback {
    /// Verifies the response and returns the person. `user` is the account that links the identity,
    /// or `None` for a sign-in: an authorization for one cannot be used for the other.
    ///
    /// # Errors
    /// [`EXTERNAL_SIGN_IN_REFUSED`](super::problems::EXTERNAL_SIGN_IN_REFUSED) and
    /// [`PROVIDER_UNAVAILABLE`](super::problems::PROVIDER_UNAVAILABLE).
    pub(super) async fn person<'i>(
        self,
        providers: &'i Providers,
        sql: &Sql,
        cookie: Cookie<BindingCookie>,
        user: Option<UserId>,
    ) -> Result<VerifiedCallback<'i>, Problem> {
        let provider = providers.provider(&self.provider)?;
        let binding = self
            .binding
            .map(SecretString::from)
            .or(cookie.0.map(|cookie| cookie.0));
        let binding = binding.ok_or_else(|| refused("the binding is missing"))?;
        let runtime = sql.database().runtime();
        let now = runtime.clock.now();

        let taken = Taken::find(sql, &self.state, binding.expose_secret(), now).await?;
        let mut taken = taken.ok_or_else(|| {
            refused("the authorization is unknown, expired, already used, or of another client")
        })?;

        // Each provider redirects people to an address of its own, so the client knows which
        // provider sent the response. The code of one provider is never sent to another (RFC 9700
        // §4.4.2; OWASP ASVS 10.2.2).
        if taken.pending.provider != provider.settings.name {
            return Err(refused("the response came from another provider"));
        }
        if taken.pending.user != user {
            return Err(refused("the authorization was started for another purpose"));
        }

        // The provider authenticated the person in an earlier attempt, which lacked the second
        // factor.
        let person = match taken.pending.person.take() {
            Some(person) => person,
            None => {
                let (http, issuer) = (providers.http()?, self.issuer.as_deref());
                provider
                    .person(http, runtime, self.code, issuer, &taken.pending)
                    .await?
            }
        };

        Ok(VerifiedCallback {
            provider,
            person,
            taken,
        })
    }
}

/// The cookie that binds a sign-in to the browser that started it.
pub(crate) struct BindingCookie(SecretString);

impl CookieValue for BindingCookie {
    const NAME: &'static str = "__Host-external";
    const DESCRIPTION: &'static str =
        "Binds the sign-in to the browser, from `POST /v1/external-authorizations`.";

    fn read(value: &str) -> Option<Self> {
        (1..=200).contains(&value.len()).then(|| Self(value.into()))
    }
}

impl BindingCookie {
    /// The `Set-Cookie` header. The browser sends the cookie only with requests of the same site.
    pub(super) fn set(binding: &SecretString) -> Option<(HeaderName, HeaderValue)> {
        set_cookie(
            Self::NAME,
            binding.expose_secret(),
            SameSite::Strict,
            LIFETIME,
        )
    }

    /// The `Set-Cookie` header that deletes the cookie.
    pub(super) fn clear() -> Option<(HeaderName, HeaderValue)> {
        set_cookie(Self::NAME, "", SameSite::Strict, Duration::ZERO)
    }
}
