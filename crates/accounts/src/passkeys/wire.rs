//! The JSON of Web Authentication, as browsers read and write it (`parseCreationOptionsFromJSON`, `toJSON`).

use std::borrow::Cow;

use garde::Validate;
use mainstay_http::{INTERNAL, Problem};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    CreationChallengeResponse, PublicKeyCredential, RegisterPublicKeyCredential,
    RequestChallengeResponse,
};

/// What a new passkey answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Attestation(pub(super) RegisterPublicKeyCredential);

/// What a passkey answered that is there already.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Assertion(pub(super) PublicKeyCredential);

/// Options for `navigator.credentials.create()`.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct CreationOptions(Value);

/// Options for `navigator.credentials.get()`.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct RequestOptions(Value);

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
    let mut whole =
        serde_json::to_value(challenge).map_err(|error| INTERNAL.problem().caused_by(error))?;
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
    ($name:ident, $called:literal, $schema:expr) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $called.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

schema!(
    Attestation,
    "PasskeyAttestation",
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
    "PasskeyAssertion",
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

/// A key that is there already.
fn descriptors() -> Value {
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "required": ["type", "id"],
            "properties": {
                "type": { "type": "string" },
                "id": { "type": "string" },
                "transports": { "type": ["array", "null"], "items": { "type": "string" } },
            },
        },
    })
}

// Web Authentication Level 3, §5.1.8 and §5.1.9.
schema!(
    CreationOptions,
    "PublicKeyCredentialCreationOptions",
    json_schema!({
        "type": "object",
        "description": "What `PublicKeyCredential.parseCreationOptionsFromJSON()` takes.",
        "required": ["challenge", "rp", "user", "pubKeyCredParams"],
        "properties": {
            "challenge": { "type": "string" },
            "rp": {
                "type": "object",
                "required": ["id", "name"],
                "properties": { "id": { "type": "string" }, "name": { "type": "string" } },
            },
            "user": {
                "type": "object",
                "required": ["id", "name", "displayName"],
                "properties": {
                    "id": { "type": "string" },
                    "name": { "type": "string" },
                    "displayName": { "type": "string" },
                },
            },
            "pubKeyCredParams": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type", "alg"],
                    "properties": { "type": { "type": "string" }, "alg": { "type": "integer" } },
                },
            },
            "timeout": { "type": ["integer", "null"] },
            "excludeCredentials": descriptors(),
        },
    })
);

schema!(
    RequestOptions,
    "PublicKeyCredentialRequestOptions",
    json_schema!({
        "type": "object",
        "description": "What `PublicKeyCredential.parseRequestOptionsFromJSON()` takes.",
        "required": ["challenge", "rpId"],
        "properties": {
            "challenge": { "type": "string" },
            "rpId": { "type": "string" },
            "timeout": { "type": ["integer", "null"] },
            "allowCredentials": descriptors(),
        },
    })
);
