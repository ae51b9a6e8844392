//! Parsing of query strings and forms into a type.

use garde::Validate;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{
    text::has_bad_escape,
    values,
    violations::{checked, unreadable},
};
use crate::{MALFORMED, Problem};

/// Reads `name=value&…`. Only the name of a list may be repeated (OWASP ASVS 15.3.7).
pub(super) fn read<T>(location: &'static str, encoded: &str) -> Result<T, Problem>
where
    T: DeserializeOwned + JsonSchema + Validate<Context = ()>,
{
    if has_bad_escape(encoded) {
        return Err(MALFORMED.problem().detail(format!(
            "The {location} contains an invalid percent-encoding."
        )));
    }

    let pairs = values::pairs(form_urlencoded::parse(encoded.as_bytes()));
    let value = serde_path_to_error::deserialize(pairs)
        .map_err(|error| unreadable::<T>(location, error.path(), error.inner()))?;

    checked(location, value)
}
