//! What a type must offer to be stored sealed, and what may be shown of it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use zeroize::Zeroizing;

/// A type whose values are personal data, such as an e-mail address or a telephone number.
pub trait Personal: Sized {
    /// The bytes to seal.
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>>;

    /// The value that [`to_plaintext`](Self::to_plaintext) wrote; `None` when the bytes are no such value.
    fn from_plaintext(bytes: &[u8]) -> Option<Self>;

    /// What may be shown to a caller who may not see the value, such as `a***@example.org`.
    fn mask(&self) -> String;
}

/// A personal type whose values can be compared: sorted by, and, where they are [`Identifying`], looked up.
pub trait Indexed: Personal {
    /// The form that equal values share, such as an address in lower case.
    fn normalised(&self) -> Zeroizing<String>;
}

/// A personal type whose values are as many as the people, such as an e-mail address: the only ones that a blind index is
/// made of.
///
/// Equal values have equal indexes, so an index of a value that takes few forms (a sex, a date, a country, a flag) is read
/// off from how often each occurs. Do not implement this for such a type; nothing else lets it be indexed:
///
/// ```compile_fail,E0277
/// # use mainstay_crypto::{IndexPlace, Indexed, KeyRing, Personal, Sealed, Zeroizing};
/// struct Sex(char);
/// impl Personal for Sex {
///     fn to_plaintext(&self) -> Zeroizing<Vec<u8>> { Zeroizing::new(vec![self.0 as u8]) }
///     fn from_plaintext(bytes: &[u8]) -> Option<Self> { bytes.first().map(|byte| Self(*byte as char)) }
///     fn mask(&self) -> String { "***".to_owned() }
/// }
/// impl Indexed for Sex {
///     fn normalised(&self) -> Zeroizing<String> { Zeroizing::new(self.0.to_string()) }
/// }
/// fn index(value: Sealed<Sex>, ring: &KeyRing, place: &IndexPlace<'_>) { value.index(ring, place); }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot have a blind index",
    label = "not a type whose values are as many as the people",
    note = "a blind index tells whoever reads the table which rows are equal and how often: values that take few forms \
            (dates, choices, flags) are read off from it",
    note = "implement `Identifying` if the type names one person or nearly so, such as a telephone number"
)]
pub trait Identifying: Indexed {}

/// A personal value as it may be shown to anybody who may see the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Masked(String);

impl Masked {
    pub(crate) fn of(value: &impl Personal) -> Self {
        Self(value.mask())
    }

    /// The masked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for Masked {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Masked".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "masked", "examples": ["A•••"] })
    }
}

/// Proof that reading personal values has been written to the audit log. It cannot be cloned, kept in a row or sent.
#[derive(Debug)]
pub struct Disclosure(());

impl Disclosure {
    /// Says that the statement which reads the values also writes its audit record.
    ///
    /// Only the database's door may call this, in that very statement; a test of the architecture lists the callers.
    pub fn recorded_in_the_audit_log() -> Self {
        Self(())
    }
}
