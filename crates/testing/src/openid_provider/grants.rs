//! Authorization codes and the claims of their tokens.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay_kernel::Timestamp;
use serde_json::{Map, Value, json};

use super::client::CLIENT_ID;

/// What an authorization code grants.
#[derive(Clone)]
pub(super) struct Grant {
    pub(super) redirect_uri: String,
    nonce: String,
    challenge: String,
    person: Value,
    spent: bool,
}

impl Grant {
    /// Reads an authorization request and checks it against OpenID Connect Core 1.0 §3.1.2.1 and
    /// RFC 7636 §4.3.
    pub(super) fn from_request(
        authorization_url: &str,
        issuer: &str,
        person: Value,
    ) -> (Self, String) {
        let url = reqwest::Url::parse(authorization_url).expect("the authorization URL is a URL");
        let wanted = format!("{issuer}/authorize?");
        assert!(
            authorization_url.starts_with(&wanted),
            "{authorization_url}"
        );

        let field = |name: &str| {
            let values: Vec<_> = url
                .query_pairs()
                .filter(|(found, _)| found == name)
                .map(|(_, value)| value)
                .collect();
            let [value] = values.as_slice() else {
                panic!("expected {name} exactly once: {authorization_url}")
            };
            value.clone().into_owned()
        };

        assert_eq!(
            (field("response_type"), field("client_id")),
            ("code".to_owned(), CLIENT_ID.to_owned())
        );
        assert_eq!(field("code_challenge_method"), "S256");
        assert!(
            field("scope").split(' ').any(|scope| scope == "openid"),
            "{authorization_url}"
        );

        for secret in ["state", "nonce", "code_challenge"] {
            assert!(
                field(secret).len() >= 43,
                "{secret} is too short: {authorization_url}"
            );
        }

        let grant = Self {
            redirect_uri: field("redirect_uri"),
            nonce: field("nonce"),
            challenge: field("code_challenge"),
            person,
            spent: false,
        };

        (grant, field("state"))
    }

    /// Returns the grant the first time, and `None` after that.
    pub(super) fn take(&mut self) -> Option<Self> {
        let fresh = (!self.spent).then(|| self.clone());
        self.spent = true;
        fresh
    }

    pub(super) fn is_redeemed_by(&self, redirect_uri: &str, verifier: &str) -> bool {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        redirect_uri == self.redirect_uri && challenge == self.challenge
    }

    /// The claims of an ID token: the correct ones, overridden by the person's, then by the test's.
    pub(super) fn claims(
        &self,
        issuer: &str,
        now: Timestamp,
        access_token: &str,
        wanted: &Map<String, Value>,
    ) -> Map<String, Value> {
        let now = now.unix_timestamp();
        let hash = digest(&SHA256, access_token.as_bytes());
        let mut claims = json!({
            "iss": issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "at_hash": URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]),
        });

        let person = self.person.as_object().expect("the claims are an object");
        for (name, value) in person.iter().chain(wanted) {
            claims[name] = value.clone();
        }

        let mut claims = claims.as_object().cloned().unwrap_or_default();
        claims.retain(|_, value| !value.is_null());

        claims
    }
}
