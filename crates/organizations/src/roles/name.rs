//! Names of roles and permissions in requests.

use std::collections::BTreeSet;

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

/// The name of a role that is there: one of the organization's, or a built-in one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(crate) struct RoleName(
    #[garde(length(chars, min = 1, max = 50), custom(is_name))]
    #[schemars(
        length(min = 1, max = 50),
        regex(pattern = r"^[a-z][a-z0-9_-]{0,49}$"),
        extend("examples" = ["agent"])
    )]
    String,
);

/// What a role of an organization is called: a lower-case letter, then letters, digits, hyphens and underscores.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(crate) struct NewRoleName(
    #[garde(length(chars, min = 1, max = 50), custom(is_name))]
    #[schemars(
        length(min = 1, max = 50),
        regex(pattern = r"^[a-z][a-z0-9_-]{0,49}$"),
        extend("examples" = ["support"])
    )]
    String,
);

/// What a role grants: names of permissions, each once, in alphabetical order.
#[derive(Clone, Debug, Deserialize, JsonSchema, Validate)]
#[serde(transparent)]
#[garde(transparent)]
pub(crate) struct PermissionNames(
    #[garde(
        length(max = 200),
        inner(length(chars, min = 1, max = 100), custom(is_permission))
    )]
    #[schemars(
        length(max = 200),
        inner(
            length(min = 1, max = 100),
            regex(pattern = r"^[a-z][a-z0-9_.]{0,99}$")
        )
    )]
    #[schemars(extend("examples" = [["members.read"]]))]
    Vec<String>,
);

impl RoleName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl NewRoleName {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl PermissionNames {
    pub(super) fn into_set(self) -> BTreeSet<String> {
        self.0.into_iter().collect()
    }
}

fn is_name(text: &str, _: &()) -> garde::Result {
    is_word(text, &['_', '-'])
}

fn is_permission(text: &str, _: &()) -> garde::Result {
    is_word(text, &['_', '.'])
}

fn is_word(text: &str, between: &[char]) -> garde::Result {
    let is_part = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || between.contains(&letter)
    };
    if text.starts_with(|letter: char| letter.is_ascii_lowercase()) && text.chars().all(is_part) {
        Ok(())
    } else {
        Err(garde::Error::new(
            "expected a lower-case letter, then lower-case letters, digits or what stands between words",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_plain_word() {
        for wrong in [
            "", "Owner", "1st", "own er", "owner\n", "ówner", "-a", "a.b",
        ] {
            assert!(is_name(wrong, &()).is_err(), "{wrong:?}");
        }
        for right in ["a", "night-shift", "level_2"] {
            assert!(is_name(right, &()).is_ok(), "{right}");
        }
    }
}
