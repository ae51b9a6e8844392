//! How accounts work.

use mainstay_config::{BaseUrl, Reader};

use crate::passkeys::relying_party::RelyingParty;

/// How accounts work.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Shortest password of an account without a second factor, in characters.
    pub password_min_length: usize,
    /// Shortest password of an account with one.
    pub password_min_length_with_second_factor: usize,
    /// The URL below which the links in mails lead: the pages that confirm, reset and accept.
    pub pages_url: BaseUrl,
    /// What passkeys and authenticator apps know the service by.
    pub relying_party: RelyingParty,
}

impl Settings {
    /// Reads the settings; what is wrong is remembered by `reader`. `public_url` is the URL that clients know the API by.
    pub fn read(reader: &mut Reader, public_url: &BaseUrl) -> Self {
        let password_min_length = reader.or(
            "identity.password_min_length",
            15_usize,
            "Shortest password of an account without a second factor, in characters.",
        );
        let password_min_length_with_second_factor = reader.or(
            "identity.password_min_length_with_second_factor",
            8_usize,
            "Shortest password of an account with a second factor, in characters.",
        );

        if !(8..=64).contains(&password_min_length)
            || !(8..=64).contains(&password_min_length_with_second_factor)
        {
            reader.refuse("identity.password_min_length", "must be from 8 to 64");
        }

        let pages_url = reader.or(
            "identity.pages_url",
            public_url.join("account"),
            "The URL below which the links in mails lead: the pages that confirm, reset and accept.",
        );

        Self {
            password_min_length,
            password_min_length_with_second_factor,
            pages_url,
            relying_party: RelyingParty::read(reader, public_url.as_str()),
        }
    }
}
