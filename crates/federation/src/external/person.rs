//! A person whom a provider has authenticated.

use mainstay_kernel::{EmailAddress, Timestamp};
use serde::{Deserialize, Serialize};

/// A person whom a provider has authenticated.
#[derive(Serialize, Deserialize)]
pub(crate) struct Person {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) email: Option<String>,
    /// Whether the provider has verified that the address belongs to the person.
    pub(super) email_verified: bool,
    /// When the person last authenticated at the provider.
    pub(super) authenticated_at: Option<Timestamp>,
    /// Whether the provider reports that the person used a second factor.
    pub(super) multi_factor: bool,
}

impl Person {
    /// The address that the provider reports, if it is valid.
    pub(super) fn email(&self) -> Option<EmailAddress> {
        EmailAddress::parse(self.email.as_deref()?)
    }

    /// The address, if the provider has verified it.
    pub(super) fn verified_email(&self) -> Option<EmailAddress> {
        self.email().filter(|_| self.email_verified)
    }
}
