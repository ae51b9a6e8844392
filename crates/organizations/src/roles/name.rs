//! Names of roles and permissions in requests, with their rules.

use std::collections::BTreeSet;

use garde::Validate;
use schemars::JsonSchema;
use serde::Deserialize;

/// The name of an existing role, built in or the organization's own.
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

/// The name of a role: a lower-case letter, then lower-case letters, digits, hyphens and
/// underscores.
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

/// The names of the permissions that a role grants. Duplicates are ignored.
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
    if is_word(text, &['_', '-']) {
        Ok(())
    } else {
        Err(garde::Error::new(
            "must be a lower-case letter, followed by lower-case letters, digits, `_` or `-`",
        ))
    }
}

fn is_permission(text: &str, _: &()) -> garde::Result {
    if is_word(text, &['_', '.']) {
        Ok(())
    } else {
        Err(garde::Error::new(
            "must be a lower-case letter, followed by lower-case letters, digits, `_` or `.`",
        ))
    }
}

fn is_word(text: &str, separators: &[char]) -> bool {
    let is_part = |character: char| {
        character.is_ascii_lowercase()
            || character.is_ascii_digit()
            || separators.contains(&character)
    };

    text.starts_with(|character: char| character.is_ascii_lowercase()) && text.chars().all(is_part)
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
