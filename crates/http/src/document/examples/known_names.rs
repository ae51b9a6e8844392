//! Example values: by format, and by property names that are common or come from standards (RFC
//! 6749, RFC 7517, RFC 9457, Web Authentication).

pub(super) const UUID: &str = "019a4f6e-5b3c-7d21-9e0a-6c1f2d3b4a59";

/// The example of a format.
pub(super) fn of_format(format: &str) -> Option<&'static str> {
    Some(match format {
        "uuid" => UUID,
        "date-time" => "2026-11-29T09:12:00Z",
        "date" => "1985-04-12",
        "email" => "ada@example.org",
        "password" => "violets tumble over granite",
        "uri" => "https://app.example/back",
        _ => return None,
    })
}

/// The example of a property with this name.
pub(super) fn of_name(name: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(names, _)| names.contains(&name))
        .map(|(_, example)| *example)
}

/// Property names, and the example that they share.
const NAMES: &[(&[&str], &str)] = &[
    // Resources.
    (
        &["name", "displayName", "label", "client_name", "sponsor"],
        "Ada's laptop",
    ),
    (&["organization", "organization_name"], "Analytical Engines"),
    (&["email"], "ada@example.org"),
    (&["role"], "agent"),
    (&["permission", "scope", "PermissionName"], "customers:read"),
    (&["tag"], "priority"),
    (&["next_cursor"], "AXqk3cZ0V2l0aCBhIGN1cnNvcg"),
    (&["address"], "192.0.2.14"),
    (&["recipient", "rpId"], "app.example"),
    (
        &["user_agent"],
        "Mozilla/5.0 (X11; Linux x86_64) Firefox/142.0",
    ),
    (
        &[
            "help",
            "description",
            "purpose",
            "message",
            "warning",
            "suggestion",
        ],
        "Read customers, masked.",
    ),
    (&["title"], "Unprocessable Content"),
    (&["detail"], "Some values are invalid."),
    (&["pointer"], "/email"),
    (&["in"], "body"),
    // The audit log and personal data.
    (&["action"], "customer.updated"),
    (&["operation"], "update_customer"),
    (&["resource", "table"], "customers"),
    (&["field"], "status"),
    (&["rule"], "many_refusals"),
    (&["class"], "personal"),
    (&["known"], "Analytical Engines"),
    (&["format"], "mainstay.personal-data/1"),
    // OAuth 2 and OpenID Connect.
    (&["client_id"], "shop"),
    (
        &["client_secret"],
        "mcs_5mJtq0cXo1vD2kZr8hWbYp3fLsNa7uEg9iTx4QyRzKB6cVn",
    ),
    (&["redirect_uri", "redirect_to"], "https://app.example/back"),
    (&["response_type", "grant_type"], "code"),
    (
        &["state", "code_verifier", "binding"],
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    (
        &["code_challenge"],
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    ),
    (
        &[
            "code",
            "token",
            "access_token",
            "refresh_token",
            "key",
            "secret",
        ],
        "mxt_Xo1vD2kZr8hWbYp3fLsNa7uEg9iTx4QyRzKB6cVn",
    ),
    (&["provider"], "acme"),
    (&["iss", "issuer", "aud"], "https://api.example"),
    (
        &["authorization_url", "authorization_endpoint"],
        "https://api.example/oauth/authorize",
    ),
    (&["token_endpoint"], "https://api.example/oauth/token"),
    (
        &["introspection_endpoint"],
        "https://api.example/oauth/introspect",
    ),
    (&["revocation_endpoint"], "https://api.example/oauth/revoke"),
    (&["jwks_uri"], "https://api.example/.well-known/jwks.json"),
    (&["service_documentation"], "https://api.example/docs"),
    (&["error"], "invalid_request"),
    (&["code_challenge_methods_supported"], "S256"),
    (&["grant_types_supported"], "authorization_code"),
    (&["response_types_supported"], "code"),
    (&["response_modes_supported"], "query"),
    (&["scopes_supported"], "customers:read"),
    (
        &[
            "token_endpoint_auth_methods_supported",
            "introspection_endpoint_auth_methods_supported",
            "revocation_endpoint_auth_methods_supported",
        ],
        "client_secret_basic",
    ),
    (
        &["error_description"],
        "A parameter is missing, repeated, or invalid.",
    ),
    (&["token_type"], "Bearer"),
    // Keys (RFC 7517), authenticator apps, and passkeys.
    (&["kty"], "OKP"),
    (&["crv"], "Ed25519"),
    (&["alg"], "EdDSA"),
    (&["use"], "sig"),
    (
        &["kid", "x", "challenge", "id", "rawId"],
        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    ),
    (
        &["uri"],
        "otpauth://totp/api.example:ada%40example.org?secret=JBSWY3DPEHPK3PXP&issuer=api.example",
    ),
    (&["qr_code"], "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
    (&["recovery_code"], "7K3QX-9MWTD-2HVCA-R5YNE-P8JBG"),
    (&["type"], "public-key"),
    (&["second_factor"], "totp"),
    (&["transport"], "internal"),
    // Headers and cookies.
    (&["if-match", "if-none-match"], "\"3\""),
];
