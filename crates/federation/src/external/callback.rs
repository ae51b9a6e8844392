//! What comes back from a provider: taken up once, by who began it.

use http::{HeaderName, HeaderValue};
use mainstay_database::Unscoped;
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

/// What a client brings back.
pub(crate) struct Callback {
    pub(super) provider: String,
    pub(super) state: String,
    pub(super) code: String,
    pub(super) issuer: Option<String>,
    pub(super) binding: Option<String>,
}

/// Somebody whom a provider vouches for.
pub(crate) struct Vouched<'i> {
    pub(super) provider: &'i Provider,
    pub(super) person: Person,
    pub(super) taken: Taken,
}

impl Callback {
    /// Whom the provider vouches for. `user` is who links an identity, or none for a sign-in: one is never taken for the
    /// other.
    ///
    /// # Errors
    /// [`EXTERNAL_SIGN_IN_REFUSED`](super::problems::EXTERNAL_SIGN_IN_REFUSED) and
    /// [`PROVIDER_UNAVAILABLE`](super::problems::PROVIDER_UNAVAILABLE).
    pub(super) async fn person<'i>(
        self,
        providers: &'i Providers,
        unscoped: &Unscoped,
        cookie: Cookie<BindingCookie>,
        user: Option<UserId>,
    ) -> Result<Vouched<'i>, Problem> {
        let provider = providers.provider(&self.provider)?;
        let binding = self
            .binding
            .map(SecretString::from)
            .or(cookie.0.map(|cookie| cookie.0));
        let binding = binding.ok_or_else(|| refused("nothing says who began it"))?;
        let runtime = unscoped.database().runtime();
        let now = runtime.clock.now();

        let taken = Taken::find(unscoped, &self.state, binding.expose_secret(), now).await?;
        let mut taken = taken
            .ok_or_else(|| refused("it was not begun here, was taken up already, or is too old"))?;
        // Each provider sends people back to an address of its own, so a client knows whose answer it has: the code of one
        // provider is never shown to another (RFC 9700 §4.4.2; OWASP ASVS 10.2.2).
        if taken.pending.provider != provider.settings.name {
            return Err(refused(
                "the answer came from another provider than the person was sent to",
            ));
        }
        if taken.pending.user != user {
            return Err(refused("it was begun for something else"));
        }

        // They may have been here before, and left to look for their second factor.
        let person = match taken.pending.person.take() {
            Some(person) => person,
            None => {
                let (http, issuer) = (providers.http()?, self.issuer.as_deref());
                provider
                    .person(http, runtime, self.code, issuer, &taken.pending)
                    .await?
            }
        };

        Ok(Vouched {
            provider,
            person,
            taken,
        })
    }
}

/// What binds a sign-in to the browser that began it.
pub(crate) struct BindingCookie(SecretString);

impl CookieValue for BindingCookie {
    const NAME: &'static str = "__Host-external";
    const DESCRIPTION: &'static str =
        "The browser that began it, from `POST /v1/external-authorizations`.";

    fn read(value: &str) -> Option<Self> {
        (1..=200).contains(&value.len()).then(|| Self(value.into()))
    }
}

impl BindingCookie {
    /// `Set-Cookie`. The browser sends it with requests of our own pages alone.
    pub(super) fn set(binding: &SecretString) -> Option<(HeaderName, HeaderValue)> {
        set_cookie(
            Self::NAME,
            binding.expose_secret(),
            SameSite::Strict,
            LIFETIME,
        )
    }

    /// `Set-Cookie` that makes a browser forget it.
    pub(super) fn clear() -> Option<(HeaderName, HeaderValue)> {
        set_cookie(Self::NAME, "", SameSite::Strict, Duration::ZERO)
    }
}
