//! `GET /.well-known/jwks.json`: the public keys that verify access tokens.

use http::{HeaderValue, header};
use mainstay_http::{Json, Problem, Public, Shared, WithHeaders, get, view};

use super::{key::Jwk, schedule::KEPT_FOR};
use crate::principals::Principals;

/// The public keys that verify access tokens.
#[view]
pub(super) struct KeySet {
    /// The keys: the one that signs, one that will sign soon, and those whose tokens are still
    /// valid.
    keys: Vec<Jwk>,
}

/// List the public keys that verify access tokens.
///
/// A JSON Web Key Set (RFC 7517). A new key is listed well before it signs, so you can cache the
/// response for as long as its `Cache-Control` allows. Request it again when a token names a key
/// that you do not have, but limit how often you do.
#[get("/.well-known/jwks.json")]
pub(super) async fn list_signing_keys(
    _: Public,
    principals: Shared<Principals>,
) -> Result<WithHeaders<Json<KeySet>>, Problem> {
    let keys = principals.tokens.keys.current().await?;
    let keys = Json(KeySet {
        keys: keys.public(principals.runtime().clock.now()),
    });

    Ok(WithHeaders(
        keys,
        vec![(header::CACHE_CONTROL, HeaderValue::from_static(KEPT_FOR))],
    ))
}
