//! The settings of accounts.

use mainstay_config::{BaseUrl, Reader};

use crate::passkeys::relying_party::RelyingParty;

/// The settings of accounts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Minimum length of the password of an account without a second factor, in characters.
    pub password_min_length: usize,
    /// Minimum length of the password of an account with a second factor, in characters.
    pub password_min_length_with_second_factor: usize,
    /// The base URL of the pages that links in e-mails lead to.
    pub pages_url: BaseUrl,
    /// The service as passkeys and authenticator apps identify it.
    pub relying_party: RelyingParty,
}

impl Settings {
    /// Reads the settings. `reader` collects the errors. `public_url` is the API's public URL.
    pub fn read(reader: &mut Reader, public_url: &BaseUrl) -> Self {
        let password_min_length = length(
            reader,
            "identity.password_min_length",
            15,
            "Minimum length of the password of an account without a second factor, in characters.",
        );
        let password_min_length_with_second_factor = length(
            reader,
            "identity.password_min_length_with_second_factor",
            8,
            "Minimum length of the password of an account with a second factor, in characters.",
        );

        let pages_url = reader.or(
            "identity.pages_url",
            public_url.join("account"),
            "Base URL of the pages that links in e-mails lead to: confirming, resetting and accepting.",
        );

        Self {
            password_min_length,
            password_min_length_with_second_factor,
            pages_url,
            relying_party: RelyingParty::read(reader, public_url.as_str()),
        }
    }
}

/// Reads a minimum length. `reader` collects an error if it is out of range.
fn length(reader: &mut Reader, name: &'static str, fallback: usize, help: &'static str) -> usize {
    let length = reader.or(name, fallback, help);

    if !(8..=64).contains(&length) {
        reader.refuse(name, "must be from 8 to 64");
    }

    length
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The variables that are refused if `setting` is `value`.
    fn refused(setting: &'static str, value: &str) -> Vec<String> {
        let url = BaseUrl::of_loopback(8000);
        let mut reader = Reader::new([]).with_layer("test", [(setting, value.to_owned())]);
        Settings::read(&mut reader, &url);

        match reader.complete(Some(())) {
            Ok(()) => Vec::new(),
            Err(error) => error
                .problems()
                .iter()
                .map(|it| it.variable.clone())
                .collect(),
        }
    }

    #[test]
    fn the_length_that_is_wrong_is_the_one_that_is_named() {
        assert_eq!(
            refused("identity.password_min_length", "7"),
            ["MAINSTAY_IDENTITY_PASSWORD_MIN_LENGTH"]
        );
        assert_eq!(
            refused("identity.password_min_length_with_second_factor", "65"),
            ["MAINSTAY_IDENTITY_PASSWORD_MIN_LENGTH_WITH_SECOND_FACTOR"]
        );
        assert!(refused("identity.password_min_length", "8").is_empty());
    }
}
