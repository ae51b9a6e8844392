//! The JSON format of Web Authentication, as in browsers (`parseCreationOptionsFromJSON`,
//! `toJSON`).

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

/// The response of a new passkey.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Attestation(pub(super) RegisterPublicKeyCredential);

/// The response of an existing passkey.
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
    /// Requires a discoverable credential: the device stores the key with its owner, so that
    /// sign-in needs no address.
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

/// Only checks the type. The library verifies everything else.
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
        "description": "The credential from `navigator.credentials.create()`, as returned by `toJSON()`.",
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
        "description": "The credential from `navigator.credentials.get()`, as returned by `toJSON()`.",
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

/// The schema of a list of existing keys.
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
        "description": "The input of `PublicKeyCredential.parseCreationOptionsFromJSON()`.",
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
        "description": "The input of `PublicKeyCredential.parseRequestOptionsFromJSON()`.",
        "required": ["challenge", "rpId"],
        "properties": {
            "challenge": { "type": "string" },
            "rpId": { "type": "string" },
            "timeout": { "type": ["integer", "null"] },
            "allowCredentials": descriptors(),
        },
    })
);
