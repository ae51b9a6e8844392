//! The provider's answers, path by path.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    client::{CLIENT_ID, CLIENT_SECRET},
    exchange::{Request, Response},
    state::{Redirected, Shared, locked},
};

impl Shared {
    pub(super) fn answer(&self, request: &Request) -> Response {
        match request.path.as_str() {
            "/.well-known/openid-configuration" => Response::json(200, &self.discovery()),
            "/jwks" => Response::json(200, &self.key_set()),
            "/token" => match self.tokens(request) {
                Ok(tokens) => Response::json(200, &tokens),
                Err(error) => Response::json(400, &json!({ "error": error })),
            },
            path if path.starts_with("/authorize?") => self.send_back(path),
            _ => Response::json(404, &json!({})),
        }
    }

    /// OpenID Connect Core 1.0 §3.1.2.5.
    fn send_back(&self, path: &str) -> Response {
        let visitor = json!(locked(&self.script).visitor);
        let Redirected {
            redirect_uri,
            code,
            state,
            iss,
        } = self.authorize(&format!("{}{path}", self.issuer), visitor);

        let mut url = reqwest::Url::parse(&redirect_uri).expect("the redirect_uri is a URL");
        url.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &state)
            .extend_pairs(iss.map(|iss| ("iss", iss)));

        Response {
            headers: format!("Location: {url}\r\n"),
            ..Response::of(303, Vec::new())
        }
    }

    fn key_set(&self) -> Value {
        let mut set = locked(&self.keys).public();
        let script = locked(&self.script);

        for key in set["keys"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
        {
            key.extend(script.key.clone());
            key.retain(|_, value| !value.is_null());
        }

        set
    }

    fn discovery(&self) -> Value {
        let issuer = &self.issuer;
        let script = locked(&self.script);
        let mut document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "authorization_response_iss_parameter_supported": script.names_itself,
        });

        for (name, value) in &script.discovery {
            document[name] = value.clone();
        }

        document
    }

    /// RFC 6749 §4.1.3, RFC 7636 §4.6.
    fn tokens(&self, request: &Request) -> Result<Value, &'static str> {
        let expected = format!("{}:{}", encoded(CLIENT_ID), encoded(CLIENT_SECRET));
        if request.authorization != format!("Basic {}", STANDARD.encode(expected)) {
            return Err("invalid_client");
        }

        let url = format!("http://body/?{}", request.body);
        let body = reqwest::Url::parse(&url).map_err(|_| "invalid_request")?;
        let field = |name: &str| {
            body.query_pairs()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.into_owned())
        };
        if field("grant_type").as_deref() != Some("authorization_code") {
            return Err("unsupported_grant_type");
        }

        let code = field("code").unwrap_or_default();
        let grant = locked(&self.grants)
            .get_mut(&code)
            .and_then(|grant| grant.take())
            .ok_or("invalid_grant")?;
        let matches = grant.is_redeemed_by(
            &field("redirect_uri").unwrap_or_default(),
            &field("code_verifier").unwrap_or_default(),
        );
        if !matches {
            return Err("invalid_grant");
        }

        let access_token = format!("access-{code}");
        let script = locked(&self.script);
        let claims = grant.claims(
            &self.issuer,
            self.clock.now(),
            &access_token,
            &script.claims,
        );

        let id_token = locked(&self.keys).sign(script.signing, &claims, CLIENT_SECRET);

        Ok(
            json!({ "access_token": access_token, "token_type": "Bearer", "expires_in": 60, "id_token": id_token }),
        )
    }
}

/// RFC 6749 §2.3.1: both are form-encoded before they are joined.
fn encoded(text: &str) -> String {
    text.replace(' ', "+")
}
