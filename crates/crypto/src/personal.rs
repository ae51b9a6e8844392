//! The traits of types that are stored sealed, and the form in which their values may be shown.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use zeroize::Zeroizing;

/// A type whose values are personal data, such as an e-mail address or a telephone number.
pub trait Personal: Sized {
    /// The bytes to seal.
    fn to_plaintext(&self) -> Zeroizing<Vec<u8>>;

    /// The value that [`to_plaintext`](Self::to_plaintext) wrote; `None` if the bytes are not a
    /// valid value.
    fn from_plaintext(bytes: &[u8]) -> Option<Self>;

    /// The form for callers who may not see the value, such as `a***@example.org`.
    fn mask(&self) -> String;

    /// Whether the value may be stored. The infinite values of floats may not: JSON cannot show
    /// them.
    fn is_storable(&self) -> bool {
        true
    }
}

/// A personal type whose values can be compared: rows can be sorted by them and, if the type is
/// [`Identifying`], found by them.
pub trait Indexed: Personal {
    /// The form that equal values share, such as an address in lower case.
    fn normalised(&self) -> Zeroizing<String>;
}

/// A personal type with about one value per person, such as an e-mail address. Only such types can
/// have a blind index.
///
/// Equal values have equal indexes, so the frequency of each index reveals the values of a type
/// with few values (a sex, a date, a country, a flag). Do not implement this trait for such a type;
/// without it, the type cannot be indexed:
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
    label = "not a type with about one value per person",
    note = "a blind index shows which rows are equal: how often each occurs reveals dates, choices and flags",
    note = "implement `Identifying` if a value identifies one person or nearly so, as a telephone number does"
)]
pub trait Identifying: Indexed {}

/// A personal value in the form that everybody who may see the row may see.
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

/// Proof that reading personal values has been recorded in the audit log. It cannot be cloned,
/// stored in a row or sent.
#[derive(Debug)]
pub struct Disclosure(());

impl Disclosure {
    /// States that the statement which reads the values also writes its audit record.
    ///
    /// Only the database crate may call this, for that statement; an architecture test lists the
    /// callers.
    pub fn recorded_in_the_audit_log() -> Self {
        Self(())
    }
}
