//! The metadata of the authorization server (RFC 8414).

use mainstay_http::{Json, Problem, Public, Shared, get, view};
use mainstay_principals::{Principals, scope};

use crate::unlimited::PUBLISHED;

/// The metadata of the authorization server (RFC 8414 §2).
#[view]
pub(super) struct MetadataView {
    /// The issuer, which is the public URL of this API.
    issuer: String,
    /// The URL of the page where a person authorizes an application.
    authorization_endpoint: String,
    /// The URL to get tokens.
    token_endpoint: String,
    /// The URL to revoke a token.
    revocation_endpoint: String,
    /// The URL to introspect a token.
    introspection_endpoint: String,
    /// The URL of the keys that verify access tokens.
    jwks_uri: String,
    /// The URL of the documentation.
    service_documentation: String,
    /// The scopes: all permissions, `profile` and `all`.
    scopes_supported: Vec<String>,
    /// The response types of the authorization endpoint.
    response_types_supported: [&'static str; 1],
    /// The response modes of the authorization endpoint.
    response_modes_supported: [&'static str; 1],
    /// The grant types of the token endpoint.
    grant_types_supported: [&'static str; 3],
    /// How clients authenticate at the token endpoint. Applications have no secret and use `none`.
    token_endpoint_auth_methods_supported: [&'static str; 3],
    /// How clients authenticate at the revocation endpoint.
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    /// How clients authenticate at the introspection endpoint.
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    /// The PKCE methods.
    code_challenge_methods_supported: [&'static str; 1],
    /// Whether each response of the authorization endpoint names its issuer (RFC 9207).
    authorization_response_iss_parameter_supported: bool,
}

/// Show the metadata of the authorization server.
///
/// OAuth 2 clients configure themselves with it (RFC 8414).
#[get("/.well-known/oauth-authorization-server")]
pub(super) async fn get_authorization_server_metadata(
    by: Public,
    principals: Shared<Principals>,
) -> Result<Json<MetadataView>, Problem> {
    const PERMISSIONS: &str = "SELECT name FROM mainstay.permissions ORDER BY name";

    let sql = by.unlimited(PUBLISHED);
    let permissions: Vec<String> = sql.query("permissions.names", PERMISSIONS, []).await?;
    let scopes = [scope::LEAST, scope::ALL]
        .into_iter()
        .map(str::to_owned)
        .chain(permissions);

    let issuer = &principals.settings.issuer;
    let below = |path: &str| format!("{issuer}{path}");

    Ok(Json(MetadataView {
        issuer: issuer.clone(),
        authorization_endpoint: below("/oauth/authorize"),
        token_endpoint: below("/oauth/token"),
        revocation_endpoint: below("/oauth/revoke"),
        introspection_endpoint: below("/oauth/introspect"),
        jwks_uri: below("/.well-known/jwks.json"),
        service_documentation: below("/docs"),
        scopes_supported: scopes.collect(),
        response_types_supported: ["code"],
        response_modes_supported: ["query"],
        grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
        token_endpoint_auth_methods_supported: [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        revocation_endpoint_auth_methods_supported: [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        introspection_endpoint_auth_methods_supported: [
            "client_secret_basic",
            "client_secret_post",
        ],
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
    }))
}
