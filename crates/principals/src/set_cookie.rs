//! The `Set-Cookie` header, with all protective attributes (OWASP ASVS 3.3.1 to 3.3.4).

use cookie::Cookie;
use http::{HeaderName, HeaderValue, header};
use time::Duration;

pub use cookie::SameSite;

/// Creates the header that sets a cookie for `lifetime`; a lifetime of zero deletes it. `None` if
/// the value is not allowed in a header.
pub fn set_cookie(
    name: &'static str,
    value: &str,
    same_site: SameSite,
    lifetime: Duration,
) -> Option<(HeaderName, HeaderValue)> {
    let cookie = Cookie::build((name, value))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(same_site)
        .max_age(lifetime);

    let mut value = HeaderValue::try_from(cookie.to_string()).ok()?;
    value.set_sensitive(true);

    Some((header::SET_COOKIE, value))
}
