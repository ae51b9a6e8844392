use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_access::Principal;
use mainstay_database::Error;

/// Turns a bearer token into a principal. The identity room stands above this one, so it is handed in.
pub trait Authenticator: Send + Sync {
    /// Who the token belongs to.
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Arc<Principal>, Refusal>>;
}

/// Why a token gives no principal.
#[derive(Debug)]
pub enum Refusal {
    /// It is forged, foreign, expired, malformed or revoked; the reason is for the log.
    Invalid(&'static str),
    /// The database did not answer.
    Database(Error),
}
