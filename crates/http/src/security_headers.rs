//! The security headers of every response.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use mainstay_kernel::Uuid;

/// Adds the request id and the security headers that are not set yet (OWASP Secure Headers; ASVS
/// 3.4.1 to 3.4.6, 14.3.2).
pub(crate) fn secure(headers: &mut HeaderMap, request_id: Uuid) {
    const DEFAULTS: [(HeaderName, &str); 6] = [
        (
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=63072000; includeSubDomains",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];

    headers.reserve(DEFAULTS.len() + 1);
    for (name, value) in DEFAULTS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }

    if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
        headers.insert("x-request-id", id);
    }
}
