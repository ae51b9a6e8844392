//! OAuth 2 from the client's side: the authorization request, the redirect back, the token
//! exchange.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use mainstay::crypto::token_digest;
use mainstay_http::Method;
use mainstay_testing::{Actor, Answer, Client, TestApp};
use serde_json::{Value, json};

/// Redirect URI of the application that [`register`] creates.
pub const REDIRECT: &str = "https://app.example/back?tenant=1";
/// The verifier of every request, and its challenge.
pub const VERIFIER: &str = "a-verifier-of-more-than-forty-three-letters-that-cannot-be-guessed";

/// Registers a third-party application under this `client_id`, with [`REDIRECT`].
pub async fn register(app: &TestApp, client_id: &str) {
    register_for(app, client_id, &[REDIRECT], false).await;
}

/// Registers an application with these redirect URIs.
pub async fn register_for(app: &TestApp, client_id: &str, redirects: &[&str], first_party: bool) {
    const INSERT: &str = r"
        INSERT INTO oauth_clients (id, client_id, name, redirect_uris, created_at, first_party)
        VALUES (gen_random_uuid(), $1, 'An application', $2, now(), $3)
    ";

    let redirects: Vec<_> = redirects
        .iter()
        .map(|redirect| (*redirect).to_owned())
        .collect();
    let values = [client_id.into(), redirects.into(), first_party.into()];
    app.owner()
        .await
        .run(INSERT, values)
        .await
        .expect("the client is inserted");
}

/// A valid authorization request.
pub fn request(client_id: &str) -> Value {
    json!({
        "client_id": client_id,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "state": "the state of the application",
        "code_challenge": URL_SAFE_NO_PAD.encode(token_digest(VERIFIER.as_bytes())),
        "code_challenge_method": "S256",
    })
}

/// The same request with one member replaced, or removed where the value is null.
pub fn with(mut request: Value, member: &str, value: impl Into<Value>) -> Value {
    let value = value.into();
    let members = request.as_object_mut().expect("the request is an object");
    if value.is_null() {
        members.remove(member)
    } else {
        members.insert(member.to_owned(), value)
    };
    request
}

/// Allows an application's request, and returns the parameters of the redirect.
pub async fn authorize(by: &Actor, request: Value) -> Vec<(String, String)> {
    decide(by, request, "allow").await
}

/// Decides on an application's request, and returns the parameters of the redirect.
pub async fn decide(by: &Actor, request: Value, decision: &str) -> Vec<(String, String)> {
    let request = with(request, "decision", decision);
    let answer = by.post("/oauth/authorizations", request.clone()).await;
    let target = answer.assert_status(200).json()["redirect_to"]
        .as_str()
        .expect("the response has a redirect")
        .to_owned();
    let expected = request["redirect_uri"]
        .as_str()
        .expect("the member is text");

    let separator = if expected.contains('?') { '&' } else { '?' };
    let answered = target
        .strip_prefix(expected)
        .and_then(|rest| rest.strip_prefix(separator));

    parameters(answered.unwrap_or_else(|| panic!("{target} is not below {expected}")))
}

/// Parses a query.
fn parameters(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let [first, others @ ..] = rest {
            let escaped = (*first == b'%')
                .then(|| std::str::from_utf8(&others[..2]).expect("an escape has two hex digits"));
            bytes.push(escaped.map_or(*first, |digits| {
                u8::from_str_radix(digits, 16).expect("an escape has two hex digits")
            }));
            rest = if escaped.is_some() {
                &others[2..]
            } else {
                others
            };
        }

        String::from_utf8(bytes).expect("the value is UTF-8")
    };

    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));

    pairs
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect()
}

/// The value of a parameter; empty when it is absent.
pub fn value<'p>(parameters: &'p [(String, String)], name: &str) -> &'p str {
    parameters
        .iter()
        .find(|(found, _)| found == name)
        .map_or("", |(_, value)| value)
}

/// Gets an authorization code for an application.
pub async fn code(by: &Actor, request: Value) -> String {
    let answered = authorize(by, request).await;
    let code = value(&answered, "code").to_owned();
    assert!(!code.is_empty(), "{answered:?}");
    code
}

/// Sends a form.
pub async fn post_form(client: &Client, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encoded = |text: &str| {
        text.bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
    };

    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    let call = client
        .request(Method::POST, path)
        .header("content-type", "application/x-www-form-urlencoded");

    call.body(pairs.join("&")).send().await
}

/// The form with which an application exchanges its code.
pub fn exchange<'a>(client_id: &'a str, code: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]
}

/// The form with which an application refreshes its tokens.
pub fn refreshing<'a>(client_id: &'a str, refresh_token: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![
        ("grant_type", "refresh_token"),
        ("client_id", client_id),
        ("refresh_token", refresh_token),
    ]
}

/// A client with an application's access token.
pub fn bearer(app: &TestApp, tokens: &Value) -> Client {
    app.anonymous().with_token(text(&tokens["access_token"]))
}

/// A text member; empty when it is not text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Requests a token.
pub async fn token(app: &TestApp, fields: &[(&str, &str)]) -> Answer {
    post_form(&app.anonymous(), "/oauth/token", fields).await
}

/// Allows an application's request, and returns its tokens.
pub async fn authorize_and_exchange(app: &TestApp, by: &Actor, request: Value) -> Value {
    let client_id = request["client_id"]
        .as_str()
        .expect("the member is text")
        .to_owned();
    let code = code(by, request).await;
    token(app, &exchange(&client_id, &code))
        .await
        .assert_status(200)
        .json()
}
