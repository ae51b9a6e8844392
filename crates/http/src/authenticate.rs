use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_access::Principal;
use mainstay_database::Error;

/// Turns a credential into a principal. The identity room stands above this one, so it is handed in.
pub trait Authenticator: Send + Sync {
    /// Who the credential belongs to.
    fn authenticate<'a>(
        &'a self,
        shown: Shown<'a>,
    ) -> BoxFuture<'a, Result<Arc<Principal>, Refusal>>;
}

/// A credential as a request shows it, unchecked.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// `Authorization: Bearer …` (RFC 6750 §2.1): an access token, or an API key.
    Bearer(&'a str),
    /// The password of `Authorization: Basic …` (RFC 7617): an API key, whatever the user name.
    BasicPassword(&'a str),
    /// The value of the cookie [`SESSION_COOKIE`](crate::SESSION_COOKIE).
    Cookie(&'a str),
}

/// Why a credential gives no principal.
#[derive(Debug)]
pub enum Refusal {
    /// It is forged, foreign, expired, malformed or revoked; the reason is for the log.
    Invalid(&'static str),
    /// The database did not answer.
    Database(Error),
}
