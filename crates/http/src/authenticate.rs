//! Authentication: credentials and the trait that turns them into principals.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_access::Principal;
use mainstay_database::Error;

/// Turns a credential into a principal. A crate above this one implements it.
pub trait Authenticator: Send + Sync {
    /// Returns the principal that the credential belongs to.
    fn authenticate<'a>(
        &'a self,
        shown: PresentedCredential<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, Refusal>>;
}

/// A credential as sent with a request, not yet checked.
#[derive(Clone, Copy)]
pub enum PresentedCredential<'a> {
    /// `Authorization: Bearer …` (RFC 6750 §2.1): an access token, or an API key.
    Bearer(&'a str),
    /// The password of `Authorization: Basic …` (RFC 7617): an API key. The user name is ignored.
    BasicPassword(&'a str),
    /// The value of the cookie [`SESSION_COOKIE`](crate::SESSION_COOKIE).
    Cookie(&'a str),
}

/// The reason why a credential was refused.
#[derive(Debug)]
pub enum Refusal {
    /// It is forged, malformed, expired, revoked, or not one of ours. The reason goes to the log
    /// only.
    Invalid(&'static str),
    /// The database did not answer.
    Database(Error),
}
