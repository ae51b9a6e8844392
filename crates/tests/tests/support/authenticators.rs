//! Second factors: an authenticator app and a passkey, both implemented independently of the
//! service.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "no test binary uses all of it; a test fails by panicking"
)]

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::BoxFuture;
use mainstay::kernel::Timestamp;
use mainstay_http::Method;
use mainstay_testing::{Actor, Answer, Client, PASSWORD, TestApp};
use passkey::{
    authenticator::{Authenticator, UiHint, UserCheck, UserValidationMethod},
    client::{Client as Browser, DefaultClientData},
    crypto::aws_lc_rs::AwsLcRsBackend,
    types::{
        Passkey,
        ctap2::{Aaguid, Ctap2Error, get_assertion},
    },
};
use serde_json::{Value, json};
use webauthn_rs::prelude::Url;

/// Origin of the pages of a service that runs locally.
pub const ORIGIN: &str = "http://localhost:8000";

/// An authenticator app with one secret (RFC 6238).
pub struct App(Vec<u8>);

impl App {
    /// Creates the app from the response of `POST /v1/me/totp`.
    pub fn of(enrolment: &Value) -> Self {
        Self(base32(enrolment["secret"].as_str().unwrap()))
    }

    /// The shared secret.
    pub fn secret(&self) -> &[u8] {
        &self.0
    }

    /// The code at a given time.
    pub fn code(&self, at: Timestamp) -> String {
        let step = u64::try_from(at.unix_timestamp()).unwrap() / 30;
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let mac = hmac::sign(&key, &step.to_be_bytes());
        let bytes = mac.as_ref();
        let offset = usize::from(bytes[19] & 15);
        let number =
            u32::from_be_bytes(bytes[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }

    /// A code that is not valid around a given time.
    pub fn wrong_code(&self, at: Timestamp) -> String {
        let shown = [-30, 0, 30].map(|seconds| self.code(at + time::Duration::seconds(seconds)));
        (0..)
            .map(|number| format!("{number:06}"))
            .find(|code| !shown.contains(code))
            .unwrap()
    }
}

fn base32(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    let bits = text
        .chars()
        .map(|letter| ALPHABET.find(letter).unwrap())
        .flat_map(|it| (0..5).rev().map(move |at| it >> at & 1));
    let bits: Vec<_> = bits.collect();

    bits.chunks_exact(8)
        .map(|byte| {
            byte.iter()
                .fold(0, |byte, bit| byte << 1 | u8::try_from(*bit).unwrap())
        })
        .collect()
}

/// Enrols an authenticator app, and returns it with the recovery codes.
pub async fn enrol(app: &TestApp, actor: &Actor) -> (App, Vec<String>) {
    let totp = App::of(
        &actor
            .post("/v1/me/totp", json!({}))
            .await
            .assert_status(201)
            .json(),
    );

    let now = app.runtime().clock.now();
    let confirmed = actor
        .post(
            "/v1/me/totp/confirmation",
            json!({ "code": totp.code(now) }),
        )
        .await;

    (totp, recovery_codes(&confirmed.assert_status(200).json()))
}

/// The recovery codes in a response; empty when there are none.
pub fn recovery_codes(answer: &Value) -> Vec<String> {
    answer["recovery_codes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|code| code.as_str().unwrap().to_owned())
        .collect()
}

/// Whether an e-mail with this subject was sent to the actor.
pub async fn was_notified(app: &TestApp, actor: &Actor, subject: &str) -> bool {
    let mut mail = app.mailbox().await.into_iter();
    mail.any(|message| message.to == actor.email() && message.subject == subject)
}

/// Tries to sign in with the actor's password and an optional code.
pub async fn sign_in(app: &TestApp, actor: &Actor, code: Option<&str>) -> Answer {
    let mut body = json!({ "email": actor.email(), "password": PASSWORD });
    if let Some(code) = code {
        body["code"] = code.into();
    }
    app.anonymous().post("/v1/sessions", body).await
}

/// The client that this response signed in.
pub fn signed_in(app: &TestApp, answer: &Answer) -> Client {
    app.anonymous().with_token(
        answer.assert_status(201).json()["access_token"]
            .as_str()
            .unwrap(),
    )
}

/// A device with one passkey, whose user confirms everything. A clone stands for a stolen key.
#[derive(Clone, Default)]
pub struct Device {
    passkey: Option<Passkey>,
    /// Whether its passkeys have a signature counter.
    counts: bool,
}

impl Device {
    /// Creates a device whose passkeys have a signature counter.
    pub fn counting() -> Self {
        Self {
            passkey: None,
            counts: true,
        }
    }

    /// Creates a passkey, as a browser does for a page of the service.
    pub async fn create(&mut self, options: &Value) -> Value {
        let mut authenticator = self.authenticator();
        authenticator.set_make_credentials_with_signature_counter(self.counts);
        let mut browser = Browser::new(authenticator).allows_insecure_localhost(true);
        let request =
            serde_json::from_value(json!({ "publicKey": options["public_key"] })).unwrap();
        let made = browser
            .register(&Url::parse(ORIGIN).unwrap(), request, DefaultClientData)
            .await
            .unwrap();
        self.passkey = browser.authenticator().store().clone();
        as_browsers_write(serde_json::to_value(made).unwrap())
    }

    /// Answers the challenge of a sign-in, as a browser does for a page of the service.
    pub async fn answer(&mut self, options: &Value) -> Value {
        let mut browser = Browser::new(self.authenticator()).allows_insecure_localhost(true);
        let request =
            serde_json::from_value(json!({ "publicKey": options["public_key"] })).unwrap();
        let answer = browser
            .authenticate(&Url::parse(ORIGIN).unwrap(), request, DefaultClientData)
            .await
            .unwrap();
        self.passkey = browser.authenticator().store().clone();
        as_browsers_write(serde_json::to_value(answer).unwrap())
    }

    /// Signs what no browser would: any challenge for any page, and without user verification if
    /// `asks` is false.
    pub async fn sign(&mut self, page: &str, rp_id: &str, challenge: &str, asks: bool) -> Value {
        let client_data =
            json!({ "type": "webauthn.get", "challenge": challenge, "origin": page }).to_string();
        let mut authenticator = self.authenticator();

        let request = get_assertion::Request {
            rp_id: rp_id.to_owned(),
            client_data_hash: digest(&SHA256, client_data.as_bytes())
                .as_ref()
                .to_vec()
                .into(),
            allow_list: None,
            extensions: None,
            options: get_assertion::Options { up: true, uv: asks },
            pin_auth: None,
            pin_protocol: None,
        };

        let signed = authenticator.get_assertion(request).await.unwrap();
        let id = URL_SAFE_NO_PAD.encode(&*self.passkey.as_ref().unwrap().credential_id);

        json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "response": {
                "authenticatorData": URL_SAFE_NO_PAD.encode(signed.auth_data.to_vec()),
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "signature": URL_SAFE_NO_PAD.encode(&*signed.signature),
                "userHandle": URL_SAFE_NO_PAD.encode(&*signed.user.unwrap().id),
            },
        })
    }

    fn authenticator(&self) -> Authenticator<Option<Passkey>, Finger, AwsLcRsBackend> {
        Authenticator::new(
            Aaguid::new_empty(),
            self.passkey.clone(),
            Finger,
            AwsLcRsBackend,
        )
    }
}

/// Encodes bytes as base64url, where the device's library writes a list of numbers.
fn as_browsers_write(value: Value) -> Value {
    match value {
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_u64) => {
            let bytes = items
                .iter()
                .filter_map(Value::as_u64)
                .map(|byte| u8::try_from(byte).unwrap());
            URL_SAFE_NO_PAD.encode(bytes.collect::<Vec<_>>()).into()
        }
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, as_browsers_write(value)))
            .collect(),
        other => other,
    }
}

/// The challenge in the options.
pub fn challenge(options: &Value) -> &str {
    options["public_key"]["challenge"].as_str().unwrap()
}

/// Requests the options for a sign-in or a step-up.
pub async fn request_options(app: &TestApp) -> Value {
    app.anonymous()
        .request(Method::POST, "/v1/sessions/passkey/options")
        .send()
        .await
        .assert_status(200)
        .json()
}

/// Adds a passkey on this device, and returns the service's response.
pub async fn add_passkey(actor: &Client, device: &mut Device) -> Value {
    let options = actor
        .request(Method::POST, "/v1/me/passkeys/options")
        .send()
        .await
        .assert_status(200)
        .json();

    let credential = device.create(&options).await;
    let made = actor
        .post(
            "/v1/me/passkeys",
            json!({ "name": "Ada's phone", "credential": credential }),
        )
        .await;

    made.assert_status(201).json()
}

/// Tries to sign in with a passkey's assertion.
pub async fn sign_in_by_passkey(app: &TestApp, credential: &Value) -> Answer {
    app.anonymous()
        .post("/v1/sessions/passkey", json!({ "credential": credential }))
        .await
}

/// A user who confirms everything.
pub struct Finger;

impl UserValidationMethod for Finger {
    type PasskeyItem = Passkey;

    fn check_user<'a, 'life0, 'async_trait>(
        &'life0 self,
        _: UiHint<'a, Passkey>,
        presence: bool,
        verification: bool,
    ) -> BoxFuture<'async_trait, Result<UserCheck, Ctap2Error>>
    where
        'a: 'async_trait,
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            Ok(UserCheck {
                presence,
                verification,
            })
        })
    }

    fn is_presence_enabled(&self) -> bool {
        true
    }

    fn is_verification_enabled(&self) -> Option<bool> {
        Some(true)
    }
}
