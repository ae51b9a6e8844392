//! `Set-Cookie`, with everything that keeps a cookie where it belongs (OWASP ASVS 3.3.1 to 3.3.4).

use cookie::Cookie;
use http::{HeaderName, HeaderValue, header};
use time::Duration;

pub use cookie::SameSite;

/// The header that sets a cookie for a time, or makes a browser forget it where the time is nought. `None` when the value is
/// not one that a header may hold.
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
