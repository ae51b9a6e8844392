//! The person whom a provider vouches for.

use mainstay_kernel::EmailAddress;
use mainstay_kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The person whom a provider vouches for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Person {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) email: Option<String>,
    /// Whether the provider has checked that the address is the person's.
    pub(super) email_verified: bool,
    /// When the person last proved to the provider who it is.
    pub(super) authenticated_at: Option<Timestamp>,
    /// Whether that took a second factor, as the provider says.
    pub(super) multi_factor: bool,
}

impl Person {
    /// The address that the provider names, if it is one.
    pub(super) fn email(&self) -> Option<EmailAddress> {
        EmailAddress::parse(self.email.as_deref()?)
    }

    /// The address, if the provider has checked that it is the person's.
    pub(super) fn verified_email(&self) -> Option<EmailAddress> {
        self.email().filter(|_| self.email_verified)
    }
}
