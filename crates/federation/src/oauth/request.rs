//! Checks authorization requests, and builds the redirects that answer them.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_database::Sql;
use mainstay_http::{Problem, input};
use mainstay_principals::{Principals, scope};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    client::Application,
    kinds::{UNKNOWN_CLIENT, UNREGISTERED_REDIRECT},
};

/// The characters that are escaped in a query: all but the unreserved ones (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// An authorization request: the parameters with which an application sends a browser to
/// `/oauth/authorize` (RFC 6749 §4.1.1, RFC 7636 §4.3).
#[input]
pub(crate) struct AuthorizationRequest {
    /// The application's client id.
    #[garde(length(chars, min = 1, max = 64))]
    client_id: String,
    /// The redirect address, exactly as it is registered for the application. On 127.0.0.1 and
    /// [::1], the port may differ.
    #[garde(length(chars, min = 1, max = 2000))]
    redirect_uri: String,
    /// Always `code`.
    #[garde(length(chars, min = 1, max = 100))]
    response_type: Option<String>,
    /// `query`, or absent.
    #[garde(length(chars, min = 1, max = 100))]
    response_mode: Option<String>,
    /// The requested permissions, separated by spaces. `all` means all permissions of the person's
    /// role, except administrative ones, which must be named. The default is `profile`, which only
    /// identifies the account.
    #[garde(length(chars, min = 1, max = 2000))]
    scope: Option<String>,
    /// The application's own value, which the redirect returns unchanged.
    #[garde(length(chars, min = 1, max = 2000))]
    state: Option<String>,
    /// The SHA-256 of the application's PKCE verifier, in base64url.
    #[garde(length(chars, min = 1, max = 200))]
    code_challenge: Option<String>,
    /// Always `S256`.
    #[garde(length(chars, min = 1, max = 100))]
    code_challenge_method: Option<String>,
    /// Whether the request has a parameter twice, other than `client_id` and `redirect_uri`. The
    /// application gets an error.
    #[garde(skip)]
    #[serde(default)]
    repeats_parameters: bool,
    /// The person's decision. If it is absent and needed, `POST /oauth/authorizations` returns what
    /// to ask the person.
    #[garde(skip)]
    pub(super) decision: Option<Decision>,
}

/// A person's decision on an application's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    Allow,
    Deny,
}

/// A request with a registered application and redirect address.
pub(crate) struct Checked {
    pub(super) application: Application,
    pub(super) redirect_uri: String,
    state: Option<String>,
    /// The valid request, or the error to send to the application.
    pub(super) wanted: Result<Grantable, AuthorizationError>,
}

/// A request that can be granted.
pub(crate) struct Grantable {
    /// The requested scopes.
    pub(super) scope: Vec<String>,
    /// The SHA-256 of the verifier.
    pub(super) challenge: Vec<u8>,
}

/// An error that is sent to the application: the error code of RFC 6749 §4.1.2.1, and a
/// description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuthorizationError(pub(super) &'static str, pub(super) &'static str);

impl AuthorizationRequest {
    /// Checks the application and the redirect address first. If either is not registered, the
    /// browser must not be redirected (OWASP ASVS 10.4.1; RFC 9700 §4.11).
    pub(super) async fn check(self, sql: &Sql) -> Result<Checked, Problem> {
        let application = Application::find(sql, &self.client_id).await?;
        let application = application.ok_or_else(|| UNKNOWN_CLIENT.problem())?;
        if !application.may_redirect_to(&self.redirect_uri) {
            return Err(UNREGISTERED_REDIRECT.problem());
        }

        let wanted = self.wanted();

        Ok(Checked {
            application,
            redirect_uri: self.redirect_uri,
            state: self.state,
            wanted,
        })
    }

    fn wanted(&self) -> Result<Grantable, AuthorizationError> {
        if self.repeats_parameters {
            return Err(AuthorizationError(
                "invalid_request",
                "The request has a parameter twice.",
            ));
        }

        match self.response_type.as_deref() {
            Some("code") => {}
            Some(_) => {
                return Err(AuthorizationError(
                    "unsupported_response_type",
                    "The response_type must be code.",
                ));
            }
            None => {
                return Err(AuthorizationError(
                    "invalid_request",
                    "The response_type is missing.",
                ));
            }
        }

        if self
            .response_mode
            .as_deref()
            .is_some_and(|mode| mode != "query")
        {
            return Err(AuthorizationError(
                "invalid_request",
                "The response_mode must be query.",
            ));
        }

        // The default method of RFC 7636 is `plain`, which does not protect against anyone who has
        // seen the request.
        if self.code_challenge_method.as_deref() != Some("S256") {
            return Err(AuthorizationError(
                "invalid_request",
                "The code_challenge_method must be S256.",
            ));
        }

        let challenge = self
            .code_challenge
            .as_deref()
            .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        let challenge = challenge.filter(|bytes| bytes.len() == 32);
        let challenge = challenge.ok_or(AuthorizationError(
            "invalid_request",
            "The code_challenge must be a SHA-256 in base64url.",
        ))?;

        Ok(Grantable {
            scope: scope::parse(self.scope.as_deref()),
            challenge,
        })
    }
}

impl Checked {
    /// The redirect with a code.
    pub(super) fn with_code(&self, principals: &Principals, code: &str) -> String {
        self.answer(principals, &[("code", code)])
    }

    /// The redirect with an error.
    pub(super) fn refused(
        &self,
        principals: &Principals,
        AuthorizationError(error, description): AuthorizationError,
    ) -> String {
        self.answer(
            principals,
            &[("error", error), ("error_description", description)],
        )
    }

    /// The redirect with these parameters, the application's `state` and the issuer (RFC 9207;
    /// OWASP ASVS 10.4.1).
    fn answer(&self, principals: &Principals, parameters: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let issuer = ("iss", principals.settings.issuer.as_str());
        let mut target = self.redirect_uri.clone();

        for (name, value) in parameters.iter().copied().chain(state).chain([issuer]) {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(name);
            target.push('=');
            target.extend(utf8_percent_encode(value, ESCAPED));
        }

        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> AuthorizationRequest {
        let text = |text: &str| Some(text.to_owned());
        AuthorizationRequest {
            client_id: "app".to_owned(),
            redirect_uri: "https://app.example/back".to_owned(),
            response_type: text("code"),
            response_mode: None,
            scope: None,
            state: None,
            code_challenge: text("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            code_challenge_method: text("S256"),
            repeats_parameters: false,
            decision: None,
        }
    }

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_of_the_rfc_is_accepted() {
        let verifier = b"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(
            request().wanted().map(|wanted| wanted.challenge).ok(),
            Some(mainstay_crypto::token_digest(verifier).to_vec())
        );
    }

    #[test]
    fn a_request_without_code_and_challenge_is_refused() {
        type Mistake = fn(&mut AuthorizationRequest);

        let changes: [(Mistake, &str); 8] = [
            (|it| it.repeats_parameters = true, "invalid_request"),
            (|it| it.response_type = None, "invalid_request"),
            (
                |it| it.response_type = Some("token".to_owned()),
                "unsupported_response_type",
            ),
            (
                |it| it.response_mode = Some("fragment".to_owned()),
                "invalid_request",
            ),
            (|it| it.code_challenge = None, "invalid_request"),
            (
                |it| it.code_challenge = Some("too-short".to_owned()),
                "invalid_request",
            ),
            (|it| it.code_challenge_method = None, "invalid_request"),
            (
                |it| it.code_challenge_method = Some("plain".to_owned()),
                "invalid_request",
            ),
        ];

        for (number, (change, expected)) in changes.into_iter().enumerate() {
            let mut request = request();
            change(&mut request);
            assert_eq!(
                request.wanted().map(|_| ()).map_err(|wrong| wrong.0),
                Err(expected),
                "{number}"
            );
        }
    }

    #[test]
    fn a_value_cannot_end_its_parameter() {
        assert_eq!(
            utf8_percent_encode("a b&c=d#é%-._~", ESCAPED).to_string(),
            "a%20b%26c%3Dd%23%C3%A9%25-._~"
        );
    }
}
