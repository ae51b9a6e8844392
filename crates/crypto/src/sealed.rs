//! Personal values in memory.

mod rules;

use std::{borrow::Cow, fmt};

use garde::{Path, Report, Validate};
use mainstay_kernel::Random;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de};
use zeroize::Zeroizing;

use crate::{
    BlindIndex, Cell, DataKey, Disclosure, Identifying, IndexPlace, Indexed, KeyRing, Masked,
    Personal, SealError, same_bytes,
};

/// A personal value in memory. It can be stored, masked and searched, but not shown: `Debug` prints
/// `[sealed]`, and reading it requires a [`Disclosure`]. The only exception is
/// [`sort_key`](Self::sort_key), for paging.
///
/// A request body can contain it, because it is deserialized, validated and documented like a `T`.
/// It cannot be serialized, printed or dereferenced:
///
/// ```compile_fail,E0277
/// # use mainstay_crypto::Sealed;
/// fn answer(value: Sealed<String>) -> impl serde::Serialize { value }
/// ```
/// ```compile_fail,E0277
/// # use mainstay_crypto::Sealed;
/// fn print(value: Sealed<String>) -> String { format!("{value}") }
/// ```
/// ```compile_fail,E0614
/// # use mainstay_crypto::Sealed;
/// fn read(value: Sealed<String>) -> String { (*value).clone() }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed<T>(T);

impl<T: Personal> Sealed<T> {
    /// Protects a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The form that everybody who may see the row may see.
    pub fn masked(&self) -> Masked {
        Masked::of(&self.0)
    }

    /// The value itself, for a caller whose access has been recorded.
    pub fn disclose(&self, _recorded: &Disclosure) -> &T {
        &self.0
    }

    /// Whether the value may be stored: see [`Personal::is_storable`].
    pub fn is_storable(&self) -> bool {
        self.0.is_storable()
    }

    /// The sealed value for the database, as [`DataKey::seal`] makes it.
    pub fn seal(&self, key: &DataKey, random: &Random, cell: &Cell<'_>) -> Vec<u8> {
        key.seal(random, cell, &self.0.to_plaintext())
    }

    /// Opens the sealed value from the database.
    ///
    /// # Errors
    /// Like [`DataKey::open`], and [`SealError::Malformed`] if the plaintext is not a `T`.
    pub fn open(key: &DataKey, cell: &Cell<'_>, sealed: &[u8]) -> Result<Self, SealError> {
        key.open_with(cell, sealed, T::from_plaintext)?
            .map(Self)
            .ok_or(SealError::Malformed)
    }
}

impl<T: Identifying> Sealed<T> {
    /// The blind index of the value under the primary key, which a write stores.
    pub fn index(&self, ring: &KeyRing, place: &IndexPlace<'_>) -> BlindIndex {
        ring.blind_index(place, &self.0.normalised())
    }

    /// The blind indexes of the value under every key of the ring, for a lookup.
    pub fn indexes(&self, ring: &KeyRing, place: &IndexPlace<'_>) -> Vec<BlindIndex> {
        ring.blind_indexes(place, &self.0.normalised())
    }
}

impl<T: Indexed> Sealed<T> {
    /// Whether both values have the same normalised form, compared in constant time. Filters out
    /// the false matches of a truncated index.
    pub fn same_normalised(&self, other: &Self) -> bool {
        same_bytes(
            self.0.normalised().as_bytes(),
            other.0.normalised().as_bytes(),
        )
    }

    /// The normalised value, for sorting rows in memory and for sealing into a cursor. Never show
    /// it.
    pub fn sort_key(&self) -> Zeroizing<String> {
        self.0.normalised()
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sealed<T> {
    /// Reads a `T`. The error for an invalid value is replaced, because it would quote the value.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer)
            .map(Self)
            .map_err(|_| de::Error::custom("not a value of the documented type"))
    }
}

impl<T: Validate> Validate for Sealed<T> {
    type Context = T::Context;

    fn validate_into(
        &self,
        context: &T::Context,
        parent: &mut dyn FnMut() -> Path,
        report: &mut Report,
    ) {
        self.0.validate_into(context, parent, report);
    }
}

impl<T: JsonSchema> JsonSchema for Sealed<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use garde::Validate;
    use mainstay_kernel::Uuid;
    use schemars::schema_for;

    use super::*;
    use crate::{IndexLength, ring::tests::ring_of};

    #[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema, Validate)]
    #[serde(transparent)]
    #[garde(transparent)]
    struct Email(#[garde(length(chars, min = 3, max = 20))] String);

    impl Personal for Email {
        fn to_plaintext(&self) -> Zeroizing<Vec<u8>> {
            Zeroizing::new(self.0.clone().into_bytes())
        }
        fn from_plaintext(bytes: &[u8]) -> Option<Self> {
            String::from_utf8(bytes.to_vec())
                .ok()
                .filter(|text| text.contains('@'))
                .map(Self)
        }
        fn mask(&self) -> String {
            "***".to_owned()
        }
    }

    impl Indexed for Email {
        fn normalised(&self) -> Zeroizing<String> {
            Zeroizing::new(self.0.to_lowercase())
        }
    }

    impl Identifying for Email {}

    #[derive(Debug, Deserialize, JsonSchema, Validate)]
    struct Body {
        #[garde(dive)]
        email: Sealed<Email>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is used")]
    #[schemars(rename = "Body")]
    struct PlainBody {
        email: Email,
    }

    const CELL: Cell<'_> = Cell {
        organization: Uuid::from_u128(1),
        table: "customers",
        column: "email",
        row: Uuid::from_u128(2),
    };

    fn email(text: &str) -> Sealed<Email> {
        Sealed::new(Email(text.to_owned()))
    }

    fn key_ring() -> KeyRing {
        ring_of(&[KeyRing::generate(&Random::default())])
    }

    #[test]
    fn a_sealed_value_is_opened_and_disclosed() {
        let random = Random::default();
        let (key, _) = key_ring().new_data_key(&random, CELL.organization, CELL.row);
        let value = email("canary@example.org");
        let read = Sealed::<Email>::open(&key, &CELL, &value.seal(&key, &random, &CELL)).unwrap();
        assert_eq!(read, value);
        assert_eq!(
            read.disclose(&Disclosure::recorded_in_the_audit_log()).0,
            "canary@example.org"
        );
    }

    #[test]
    fn authentic_bytes_of_an_invalid_value_are_malformed() {
        let random = Random::default();
        let (key, _) = key_ring().new_data_key(&random, CELL.organization, CELL.row);
        let sealed = key.seal(&random, &CELL, b"no address");
        assert_eq!(
            Sealed::<Email>::open(&key, &CELL, &sealed),
            Err(SealError::Malformed)
        );
    }

    #[test]
    fn neither_debug_nor_mask_shows_the_value() {
        let body = Body {
            email: email("canary@example.org"),
        };
        assert_eq!(format!("{body:?}"), "Body { email: [sealed] }");
        assert_eq!(
            format!("{:#?}", Some(&body.email)),
            "Some(\n    [sealed],\n)"
        );
        assert_eq!(
            serde_json::to_string(&body.email.masked()).unwrap(),
            "\"***\""
        );
    }

    #[test]
    fn the_error_for_an_invalid_body_does_not_quote_the_value() {
        for body in [
            r#"{"email": 4915112345678}"#,
            r#"{"email": ["4915112345678"]}"#,
        ] {
            let error = serde_json::from_str::<Body>(body).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("49151"), "{error}");
        }
    }

    #[test]
    fn validation_and_schema_are_those_of_the_value() {
        let body = |text: &str| {
            serde_json::from_value::<Body>(serde_json::json!({ "email": text })).unwrap()
        };
        assert!(body("a@b").validate().is_ok());
        let report = body("canary-canary-canary@example.org")
            .validate()
            .unwrap_err();
        assert!(report.to_string().starts_with("email: "), "{report}");
        assert!(!report.to_string().contains("canary"));
        assert_eq!(schema_for!(Body), schema_for!(PlainBody));
    }

    #[test]
    fn values_with_the_same_normalised_form_are_found_together() {
        let ring = key_ring();

        let place = IndexPlace {
            organization: CELL.organization,
            table: CELL.table,
            column: CELL.column,
            length: IndexLength::Truncated,
        };

        let (upper, lower) = (email("A@Example.org"), email("a@example.org"));
        assert_ne!(upper, lower);
        assert!(upper.same_normalised(&lower));
        assert!(!upper.same_normalised(&email("b@example.org")));
        assert_eq!(upper.index(&ring, &place), lower.index(&ring, &place));
        assert_eq!(upper.indexes(&ring, &place), [lower.index(&ring, &place)]);
    }
}
