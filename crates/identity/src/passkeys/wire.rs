//! The JSON of Web Authentication, as browsers read and write it (`parseCreationOptionsFromJSON`, `toJSON`).

use std::borrow::Cow;

use garde::Validate;
use mainstay_http::{INTERNAL, Problem};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    CreationChallengeResponse, PublicKeyCredential, RegisterPublicKeyCredential, RequestChallengeResponse,
};

/// What a new passkey answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Attestation(pub(super) RegisterPublicKeyCredential);

/// What a passkey answered that is there already.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Assertion(pub(super) PublicKeyCredential);

/// Options for `navigator.credentials.create()`.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct CreationOptions(Value);

/// Options for `navigator.credentials.get()`.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(super) struct RequestOptions(Value);

impl CreationOptions {
    /// The options, and on top of them that the device keeps the key and knows whose it is: then nobody has to type an
    /// address to sign in, and none has to be tried.
    pub(super) fn new(challenge: &CreationChallengeResponse) -> Result<Self, Problem> {
        let mut options = public_key(challenge)?;
        options["authenticatorSelection"]["residentKey"] = json!("required");
        options["authenticatorSelection"]["requireResidentKey"] = json!(true);
        Ok(Self(options))
    }
}

impl RequestOptions {
    pub(super) fn new(challenge: &RequestChallengeResponse) -> Result<Self, Problem> {
        public_key(challenge).map(Self)
    }
}

fn public_key(challenge: &impl Serialize) -> Result<Value, Problem> {
    let mut whole = serde_json::to_value(challenge).map_err(|error| INTERNAL.problem().caused_by(error))?;
    Ok(whole["publicKey"].take())
}

/// What is in them is for the library to check; that they are keys at all is said here.
macro_rules! keys {
    ($($name:ident),+) => {
        $(impl Validate for $name {
            type Context = ();

            fn validate_into(&self, (): &(), parent: &mut dyn FnMut() -> garde::Path, report: &mut garde::Report) {
                if self.0.type_ != "public-key" {
                    report.append(parent().join("type"), garde::Error::new("expected public-key"));
                }
            }
        })+
    };
}

keys!(Attestation, Assertion);

/// Bytes in base64url without padding.
fn bytes() -> Value {
    json!({ "type": "string", "examples": ["AAAA"] })
}

macro_rules! schema {
    ($name:ident, $schema:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                concat!("Passkey", stringify!($name)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

schema!(
    Attestation,
    json_schema!({
        "type": "object",
        "description": "`PublicKeyCredential.toJSON()` of what `navigator.credentials.create()` gave.",
        "required": ["id", "rawId", "response", "type"],
        "properties": {
            "id": bytes(),
            "rawId": bytes(),
            "type": { "type": "string", "enum": ["public-key"] },
            "response": {
                "type": "object",
                "required": ["attestationObject", "clientDataJSON"],
                "properties": { "attestationObject": bytes(), "clientDataJSON": bytes() },
            },
        },
    })
);

schema!(
    Assertion,
    json_schema!({
        "type": "object",
        "description": "`PublicKeyCredential.toJSON()` of what `navigator.credentials.get()` gave.",
        "required": ["id", "rawId", "response", "type"],
        "properties": {
            "id": bytes(),
            "rawId": bytes(),
            "type": { "type": "string", "enum": ["public-key"] },
            "response": {
                "type": "object",
                "required": ["authenticatorData", "clientDataJSON", "signature"],
                "properties": {
                    "authenticatorData": bytes(),
                    "clientDataJSON": bytes(),
                    "signature": bytes(),
                    "userHandle": bytes(),
                },
            },
        },
    })
);

schema!(
    CreationOptions,
    json_schema!({
        "type": "object",
        "description": "What `PublicKeyCredential.parseCreationOptionsFromJSON()` takes.",
        "required": ["challenge", "rp", "user", "pubKeyCredParams"],
        "properties": { "challenge": { "type": "string" } },
    })
);

schema!(
    RequestOptions,
    json_schema!({
        "type": "object",
        "description": "What `PublicKeyCredential.parseRequestOptionsFromJSON()` takes.",
        "required": ["challenge", "rpId"],
        "properties": { "challenge": { "type": "string" } },
    })
);
