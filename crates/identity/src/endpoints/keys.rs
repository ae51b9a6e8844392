use mainstay_http::{Json, Problem, Public, Shared, get, view};

use crate::{Identity, tokens::Jwk};

/// The public keys that verify access tokens.
#[view]
pub(super) struct KeySet {
    /// The keys.
    keys: Vec<Jwk>,
}

/// List the public keys that verify access tokens.
///
/// A JSON Web Key Set (RFC 7517).
#[get("/.well-known/jwks.json")]
pub(super) async fn list_signing_keys(_: Public, identity: Shared<Identity>) -> Result<Json<KeySet>, Problem> {
    Ok(Json(KeySet { keys: identity.settings.keys.public() }))
}
