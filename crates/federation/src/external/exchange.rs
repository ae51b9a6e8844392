//! From a code to a person: the code is exchanged for an ID token, and the token is believed or not.

use std::time::{Duration, SystemTime};

use mainstay_http::Problem;
use mainstay_kernel::{Runtime, Timestamp};
use mainstay_principals::leeway::CLOCK_LEEWAY;
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClaimsVerificationError, ClientId, IdTokenVerifier, Nonce,
    OAuth2TokenResponse as _, PkceCodeVerifier, RequestTokenError, SignatureVerificationError,
    TokenResponse as _,
    core::{CoreIdToken, CoreIdTokenClaims, CoreJsonWebKey, CoreTokenResponse},
};

use super::{
    http::HttpClient,
    pending::PendingAuthorization,
    person::Person,
    problems::EXTERNAL_SIGN_IN_REFUSED,
    provider::{Provider, Said, causes, unavailable},
};

/// How old a token may be that a provider has only just given.
const OLDEST: Duration = Duration::from_secs(600);

/// Longest subject (OpenID Connect Core 1.0 §2).
const LONGEST_SUBJECT: usize = 255;

impl Provider {
    /// Exchanges a code for the person whom it stands for.
    ///
    /// # Errors
    /// [`EXTERNAL_SIGN_IN_REFUSED`] when the provider does not take the code or its token cannot be believed,
    /// [`PROVIDER_UNAVAILABLE`](super::problems::PROVIDER_UNAVAILABLE) when it does not answer as it should.
    pub(super) async fn person(
        &self,
        http: &HttpClient,
        runtime: &Runtime,
        code: String,
        issuer: Option<&str>,
        pending: &PendingAuthorization,
    ) -> Result<Person, Problem> {
        let said = self.said(http, runtime).await?;
        if !said.answers_as(issuer) {
            return Err(refused("the answer names another issuer, or none"));
        }

        let client = self.client(&said)?;
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| unavailable("it has no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()));

        let tokens = request
            .request_async(http)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(answer) => {
                    refused(&format!("it answers {}", answer.error()))
                }
                RequestTokenError::Request(error) => unavailable(&causes(&error)),
                RequestTokenError::Parse(error, _) => {
                    unavailable(&format!("its tokens cannot be read, at {}", error.path()))
                }
                RequestTokenError::Other(_) => {
                    unavailable("it answers neither tokens nor an error")
                }
            })?;

        match self.believed(&said, &tokens, pending, runtime.clock.now()) {
            Err(Disbelief::UnknownKey(why)) => {
                let said = self
                    .said_with_new_keys(http, runtime)
                    .await
                    .ok_or_else(|| refused(&why))?;
                self.believed(&said, &tokens, pending, runtime.clock.now())
                    .map_err(Disbelief::problem)
            }
            other => other.map_err(Disbelief::problem),
        }
    }

    /// OpenID Connect Core 1.0 §3.1.3.7 and §3.1.3.8.
    fn believed(
        &self,
        said: &Said,
        tokens: &CoreTokenResponse,
        pending: &PendingAuthorization,
        now: Timestamp,
    ) -> Result<Person, Disbelief> {
        let token = tokens
            .id_token()
            .ok_or(Disbelief::Other("there is no ID token".to_owned()))?;
        let verifier = self.verifier(said, now);
        let claims = token
            .claims(&verifier, &Nonce::new(pending.nonce.clone()))
            .map_err(Disbelief::from)?;
        if claims
            .authorized_party()
            .is_some_and(|party| party.as_str() != self.settings.client_id)
        {
            return Err(Disbelief::Other(
                "the token was made for another client".to_owned(),
            ));
        }

        if let Some(expected) = claims.access_token_hash() {
            check_access_token(token, &verifier, tokens, expected)?;
        }

        let authenticated_at = authenticated_at(claims, pending, now)?;
        let subject = claims.subject().as_str().to_owned();
        if !(1..=LONGEST_SUBJECT).contains(&subject.len()) {
            return Err(Disbelief::Other(
                "the subject is empty or too long".to_owned(),
            ));
        }

        let methods = claims
            .auth_method_refs()
            .map(Vec::as_slice)
            .unwrap_or_default();

        Ok(Person {
            issuer: said.issuer().as_str().to_owned(),
            subject,
            email: claims.email().map(|email| email.as_str().to_owned()),
            email_verified: claims.email_verified() == Some(true),
            authenticated_at,
            multi_factor: methods.iter().any(|method| method.as_str() == "mfa"),
        })
    }

    fn verifier<'a>(&self, said: &'a Said, now: Timestamp) -> IdTokenVerifier<'a, CoreJsonWebKey> {
        let now = SystemTime::from(now.inner());
        let client_id = ClientId::new(self.settings.client_id.clone());

        // A verifier without the client's secret takes no signature that the secret could make.
        IdTokenVerifier::new_public_client(client_id, said.issuer().clone(), said.keys().clone())
            .set_allowed_algs(said.algorithms.iter().cloned())
            .set_time_fn(move || now.into())
            .set_issue_time_verifier_fn(move |issued| {
                let issued = SystemTime::from(issued);
                match (issued.duration_since(now), now.duration_since(issued)) {
                    (Ok(ahead), _) if ahead > CLOCK_LEEWAY => Err(format!(
                        "it is not yet valid: it was issued {} s ahead of this clock",
                        ahead.as_secs()
                    )),
                    (_, Ok(age)) if age > OLDEST => Err(format!(
                        "it was issued {} s ago, not just now",
                        age.as_secs()
                    )),
                    _ => Ok(()),
                }
            })
    }
}

/// Why a token is not believed.
enum Disbelief {
    /// No key of the provider that we know has signed it.
    UnknownKey(String),
    /// Anything else.
    Other(String),
}

impl Disbelief {
    fn problem(self) -> Problem {
        let (Self::UnknownKey(why) | Self::Other(why)) = self;
        refused(&why)
    }
}

impl From<ClaimsVerificationError> for Disbelief {
    fn from(error: ClaimsVerificationError) -> Self {
        use SignatureVerificationError::{CryptoError, NoMatchingKey};
        let why = causes(&error);
        match error {
            ClaimsVerificationError::SignatureVerification(NoMatchingKey | CryptoError(_)) => {
                Self::UnknownKey(why)
            }
            _ => Self::Other(why),
        }
    }
}

fn check_access_token(
    token: &CoreIdToken,
    verifier: &IdTokenVerifier<'_, CoreJsonWebKey>,
    tokens: &CoreTokenResponse,
    expected: &AccessTokenHash,
) -> Result<(), Disbelief> {
    let wrong = || Disbelief::Other("the token belongs to another access token".to_owned());
    let (algorithm, key) = (
        token.signing_alg().map_err(|_| wrong())?,
        token.signing_key(verifier).map_err(|_| wrong())?,
    );
    let hash =
        AccessTokenHash::from_token(tokens.access_token(), algorithm, key).map_err(|_| wrong())?;
    if hash == *expected {
        Ok(())
    } else {
        Err(wrong())
    }
}

/// When the person last proved who it is: never later than now. Who was asked to prove it anew must have.
fn authenticated_at(
    claims: &CoreIdTokenClaims,
    pending: &PendingAuthorization,
    now: Timestamp,
) -> Result<Option<Timestamp>, Disbelief> {
    let said = claims
        .auth_time()
        .map(|moment| Timestamp::from(SystemTime::from(moment)));
    let anew = said.is_some_and(|said| said + CLOCK_LEEWAY >= pending.begun_at);
    if pending.reauthenticate && !anew {
        return Err(Disbelief::Other(
            "the person did not prove anew who it is".to_owned(),
        ));
    }
    Ok(said.map(|said| said.min(now)))
}

/// A sign-in that is not accepted, and why, for the log.
pub(crate) fn refused(why: &str) -> Problem {
    EXTERNAL_SIGN_IN_REFUSED.problem().caused_by(why)
}
