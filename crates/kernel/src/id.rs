//! Typed ids.

use std::{
    borrow::Cow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    str::FromStr,
};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The id of a `T`: a UUID whose type prevents confusion with ids of other types.
///
/// [`Runtime::new_id`](crate::Runtime::new_id) creates UUIDs of version 7, so that ids sort by
/// creation time. The text form is the hyphenated lower-case form of RFC 9562.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

/// The text is not a hyphenated UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a hyphenated UUID")
    }
}

impl std::error::Error for ParseIdError {}

impl<T> FromStr for Id<T> {
    type Err = ParseIdError;

    /// Accepts only the hyphenated form, so that an id has one spelling, apart from upper and lower
    /// case.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(ParseIdError);
        }

        Uuid::try_parse(text)
            .map(Self::from)
            .map_err(|_| ParseIdError)
    }
}

impl<T> Id<T> {
    /// The plain UUID.
    pub fn uuid(self) -> Uuid {
        self.0
    }
}

impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }
}

impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl<T> JsonSchema for Id<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Id".into()
    }

    /// `x-resource` names the type of resource, so that tools can recognise references to rows.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "uuid",
            "minLength": 36,
            "maxLength": 36,
            "x-resource": resource(std::any::type_name::<T>()),
        })
    }
}

/// The name of the resource that a type stands for: `customer` for
/// `app::customers::row::CustomerRow`.
fn resource(path: &str) -> String {
    let name = path
        .split('<')
        .next()
        .and_then(|path| path.rsplit("::").next())
        .unwrap_or(path);

    let name = name
        .strip_suffix("Row")
        .filter(|name| !name.is_empty())
        .unwrap_or(name);

    let mut word = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(character.to_lowercase());
    }

    word
}

impl<T> garde::Validate for Id<T> {
    type Context = ();

    /// Accepts every value: parsing has checked it already.
    fn validate_into(&self, (): &(), _: &mut dyn FnMut() -> garde::Path, _: &mut garde::Report) {}
}

// Derived implementations would require the same traits of `T`, which is only a marker.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Runtime, User};

    #[test]
    fn an_id_round_trips_through_text() {
        let id: Id<User> = Runtime::default().new_id();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.uuid().get_version_num(), 7);
    }

    #[test]
    fn a_resource_is_named_after_its_type() {
        assert_eq!(resource("app::customers::row::CustomerRow"), "customer");
        assert_eq!(
            resource("mainstay_kernel::ids::ServiceAccount"),
            "service_account"
        );
        assert_eq!(resource("Row"), "row");
        assert_eq!(resource("app::Kept<app::Other>"), "kept");
    }

    #[test]
    fn other_spellings_of_a_uuid_are_refused() {
        let simple = "0198c5d27d4b7c30a5b6d0d1c2b3a495";
        assert!(simple.parse::<Id<User>>().is_err());
        assert!(
            "{0198c5d2-7d4b-7c30-a5b6-d0d1c2b3a495}"
                .parse::<Id<User>>()
                .is_err()
        );
        assert!(
            "urn:uuid:0198c5d2-7d4b-7c30-a5b6-d0d1c2b3a495"
                .parse::<Id<User>>()
                .is_err()
        );
    }
}
