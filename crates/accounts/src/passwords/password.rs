//! A password in a request.

use std::borrow::Cow;

use garde::Validate;
use mainstay_kernel::{ExposeSecret as _, SecretString};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A password in a request: used unchanged, up to 128 characters (OWASP ASVS 6.2.8, 6.2.9), and
/// never printed.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Password(SecretString);

impl Password {
    /// Maximum length of a password, in characters.
    pub const LONGEST: usize = 128;

    /// The password, for the hasher.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl From<String> for Password {
    fn from(password: String) -> Self {
        Self(password.into())
    }
}

impl Validate for Password {
    type Context = ();

    fn validate_into(
        &self,
        (): &(),
        parent: &mut dyn FnMut() -> garde::Path,
        report: &mut garde::Report,
    ) {
        if !(1..=Self::LONGEST).contains(&self.0.expose_secret().chars().count()) {
            report.append(
                parent(),
                garde::Error::new(format!("expected 1 to {} characters", Self::LONGEST)),
            );
        }
    }
}

impl JsonSchema for Password {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Password".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "password", "minLength": 1, "maxLength": Self::LONGEST })
    }
}
