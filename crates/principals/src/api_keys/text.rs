//! The format of an API key: `mak_<id>_<secret><checksum>`, with the id as 32 hexadecimal digits.
//! It contains only letters, digits and underscores, so that a double click selects all of it.

use mainstay_kernel::{Random, Uuid};

use super::row::ApiKeyId;
use crate::{
    scannable::{generate, is_whole},
    secret::FreshSecret,
};

/// The prefix of every key.
const PREFIX: &str = "mak_";

/// The offset of the secret.
const SECRET_AT: usize = PREFIX.len() + 32 + 1;

/// Generates a key with this id.
pub fn fresh(random: &Random, id: ApiKeyId) -> FreshSecret {
    generate(random, &format!("{PREFIX}{}_", id.uuid().simple()))
}

/// Whether a bearer token looks like an API key.
pub(crate) fn is_key(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// Reads the id of a well-formed key; `None` if the checksum does not match.
pub(crate) fn read(text: &str) -> Option<ApiKeyId> {
    let head = text.get(..SECRET_AT)?;
    let id = head.strip_prefix(PREFIX)?.strip_suffix('_')?;
    is_whole(text, head).then_some(())?;
    Uuid::try_parse(id).ok().map(ApiKeyId::from)
}

/// Reads a key's id from what an operator has: the id itself, or a whole key, for example a leaked
/// one.
pub fn id_of(text: &str) -> Option<ApiKeyId> {
    read(text).or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use mainstay_kernel::{ExposeSecret as _, Runtime};

    use super::*;

    #[test]
    fn a_key_contains_its_id_and_a_typo_is_refused() {
        let runtime = Runtime::default();
        let id: ApiKeyId = runtime.new_id();
        let key = fresh(&runtime.random, id);
        let text = key.text.expose_secret();

        assert_eq!(
            (read(text), id_of(text), is_key(text)),
            (Some(id), Some(id), true)
        );
        assert_eq!(text.len(), 86);
        assert_eq!(id_of(&id.to_string()), Some(id));

        for wrong in [
            "",
            "mak_",
            "mak_é",
            &text[1..],
            &text[..85],
            &text.to_uppercase(),
            &text.replace("mak_", "mak-"),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
