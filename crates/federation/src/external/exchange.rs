//! Exchanges a code for an ID token, verifies the token, and returns the person that it identifies.

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
    provider::{Discovery, Provider, causes, unavailable},
};

/// Maximum age of an ID token that a provider has just issued.
const OLDEST: Duration = Duration::from_secs(600);

/// Maximum length of a subject in bytes (OpenID Connect Core 1.0 §2).
const LONGEST_SUBJECT: usize = 255;

impl Provider {
    /// Exchanges a code, and returns the person that the ID token identifies.
    ///
    /// # Errors
    /// [`EXTERNAL_SIGN_IN_REFUSED`] if the provider refuses the code or the ID token is invalid,
    /// [`PROVIDER_UNAVAILABLE`](super::problems::PROVIDER_UNAVAILABLE) if the provider does not
    /// respond as expected.
    pub(super) async fn person(
        &self,
        http: &HttpClient,
        runtime: &Runtime,
        code: String,
        issuer: Option<&str>,
        pending: &PendingAuthorization,
    ) -> Result<Person, Problem> {
        let discovery = self.discovery(http, runtime).await?;
        if !discovery.accepts_issuer(issuer) {
            return Err(refused("the response names another issuer, or none"));
        }

        let client = self.client(&discovery)?;
        let request = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|_| unavailable("the provider has no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.clone()));

        let tokens = request
            .request_async(http)
            .await
            .map_err(|error| match error {
                RequestTokenError::ServerResponse(answer) => {
                    refused(&format!("the provider responded with {}", answer.error()))
                }
                RequestTokenError::Request(error) => unavailable(&causes(&error)),
                RequestTokenError::Parse(error, _) => unavailable(&format!(
                    "the token response is invalid at {}",
                    error.path()
                )),
                RequestTokenError::Other(_) => {
                    unavailable("the token response has neither tokens nor an error")
                }
            })?;

        match self.verify(&discovery, &tokens, pending, runtime.clock.now()) {
            Err(InvalidToken::UnknownKey(why)) => {
                let discovery = self
                    .discovery_with_new_keys(http, runtime)
                    .await
                    .ok_or_else(|| refused(&why))?;
                self.verify(&discovery, &tokens, pending, runtime.clock.now())
                    .map_err(InvalidToken::problem)
            }
            other => other.map_err(InvalidToken::problem),
        }
    }

    /// Verifies the ID token (OpenID Connect Core 1.0 §3.1.3.7 and §3.1.3.8).
    fn verify(
        &self,
        discovery: &Discovery,
        tokens: &CoreTokenResponse,
        pending: &PendingAuthorization,
        now: Timestamp,
    ) -> Result<Person, InvalidToken> {
        let token = tokens
            .id_token()
            .ok_or(InvalidToken::Other("the ID token is missing".to_owned()))?;
        let verifier = self.verifier(discovery, now);
        let claims = token
            .claims(&verifier, &Nonce::new(pending.nonce.clone()))
            .map_err(InvalidToken::from)?;
        if claims
            .authorized_party()
            .is_some_and(|party| party.as_str() != self.settings.client_id)
        {
            return Err(InvalidToken::Other(
                "the ID token was issued to another client".to_owned(),
            ));
        }

        if let Some(expected) = claims.access_token_hash() {
            check_access_token(token, &verifier, tokens, expected)?;
        }

        let authenticated_at = authenticated_at(claims, pending, now)?;
        let subject = claims.subject().as_str().to_owned();
        if !(1..=LONGEST_SUBJECT).contains(&subject.len()) {
            return Err(InvalidToken::Other(
                "the subject is empty or too long".to_owned(),
            ));
        }

        let methods = claims
            .auth_method_refs()
            .map(Vec::as_slice)
            .unwrap_or_default();

        Ok(Person {
            issuer: discovery.issuer().as_str().to_owned(),
            subject,
            email: claims.email().map(|email| email.as_str().to_owned()),
            email_verified: claims.email_verified() == Some(true),
            authenticated_at,
            multi_factor: methods.iter().any(|method| method.as_str() == "mfa"),
        })
    }

    fn verifier<'a>(
        &self,
        discovery: &'a Discovery,
        now: Timestamp,
    ) -> IdTokenVerifier<'a, CoreJsonWebKey> {
        let now = SystemTime::from(now.inner());
        let client_id = ClientId::new(self.settings.client_id.clone());

        // Without the client's secret, the verifier accepts no signature that was created with the
        // secret.
        IdTokenVerifier::new_public_client(
            client_id,
            discovery.issuer().clone(),
            discovery.keys().clone(),
        )
        .set_allowed_algs(discovery.algorithms.iter().cloned())
        .set_time_fn(move || now.into())
        .set_issue_time_verifier_fn(move |issued| {
            let issued = SystemTime::from(issued);
            match (issued.duration_since(now), now.duration_since(issued)) {
                (Ok(ahead), _) if ahead > CLOCK_LEEWAY => Err(format!(
                    "the ID token is not valid yet: it was issued {} s ahead of this clock",
                    ahead.as_secs()
                )),
                (_, Ok(age)) if age > OLDEST => Err(format!(
                    "the ID token is too old: it was issued {} s ago",
                    age.as_secs()
                )),
                _ => Ok(()),
            }
        })
    }
}

/// Why an ID token is invalid.
enum InvalidToken {
    /// None of the provider's cached keys verifies the signature.
    UnknownKey(String),
    /// Any other reason.
    Other(String),
}

impl InvalidToken {
    fn problem(self) -> Problem {
        let (Self::UnknownKey(why) | Self::Other(why)) = self;
        refused(&why)
    }
}

impl From<ClaimsVerificationError> for InvalidToken {
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
) -> Result<(), InvalidToken> {
    let wrong = || InvalidToken::Other("the ID token belongs to another access token".to_owned());
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

/// Returns when the person last authenticated at the provider, at most `now`.
///
/// # Errors
/// If the person was required to re-authenticate and did not.
fn authenticated_at(
    claims: &CoreIdTokenClaims,
    pending: &PendingAuthorization,
    now: Timestamp,
) -> Result<Option<Timestamp>, InvalidToken> {
    let authenticated_at = claims
        .auth_time()
        .map(|moment| Timestamp::from(SystemTime::from(moment)));
    let is_fresh = authenticated_at.is_some_and(|at| at + CLOCK_LEEWAY >= pending.started_at);
    if pending.reauthenticate && !is_fresh {
        return Err(InvalidToken::Other(
            "the person did not re-authenticate".to_owned(),
        ));
    }

    Ok(authenticated_at.map(|at| at.min(now)))
}

/// [`EXTERNAL_SIGN_IN_REFUSED`], with the reason for the log.
pub(crate) fn refused(why: &str) -> Problem {
    EXTERNAL_SIGN_IN_REFUSED.problem().caused_by(why)
}
