//! The metadata of the authorization server (RFC 8414).

use mainstay_http::{Json, Problem, Public, Shared, get, view};
use mainstay_principals::{Principals, scope};

/// What a client finds here, and how (RFC 8414 §2).
#[view]
pub(super) struct MetadataView {
    /// Who issues: the public URL.
    issuer: String,
    /// Where a person lets an application in.
    authorization_endpoint: String,
    /// Where a token is got.
    token_endpoint: String,
    /// Where a token is given back.
    revocation_endpoint: String,
    /// Where a token is looked up.
    introspection_endpoint: String,
    /// The keys that verify access tokens.
    jwks_uri: String,
    /// The documentation.
    service_documentation: String,
    /// What can be asked for: every permission, and `profile` and `all`.
    scopes_supported: Vec<String>,
    /// The answers of the authorization endpoint.
    response_types_supported: [&'static str; 1],
    /// How it answers.
    response_modes_supported: [&'static str; 1],
    /// The grants of the token endpoint.
    grant_types_supported: [&'static str; 3],
    /// How a client shows there who it is: applications by their name alone.
    token_endpoint_auth_methods_supported: [&'static str; 3],
    /// How it does when it gives a token back.
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    /// How it does when it looks a token up.
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    /// How an application proves that a code is its own.
    code_challenge_methods_supported: [&'static str; 1],
    /// Whether each answer of the authorization endpoint says who gives it (RFC 9207).
    authorization_response_iss_parameter_supported: bool,
}

/// Describe the authorization server.
///
/// The metadata that OAuth 2 clients configure themselves by (RFC 8414).
#[get("/.well-known/oauth-authorization-server")]
pub(super) async fn get_authorization_server_metadata(
    by: Public,
    principals: Shared<Principals>,
) -> Result<Json<MetadataView>, Problem> {
    const PERMISSIONS: &str = "SELECT name FROM mainstay.permissions ORDER BY name";

    let unscoped =
        by.unscoped("permissions are declared by the code and belong to no organization");
    let rows = unscoped
        .select("permissions.names", PERMISSIONS, [])
        .await?;
    let permissions = rows.iter().map(|row| row.get(0));
    let scopes = [scope::LEAST, scope::ALL]
        .into_iter()
        .map(|name| Ok(name.to_owned()))
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
        scopes_supported: scopes.collect::<Result<_, _>>()?,
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
