//! What a request shows of its caller, and whether a browser sent it for another site.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, Method, header};
use mainstay_access::{Credential, Principal};

use crate::{CROSS_SITE, Problem, Refusal, Request, Shown, UNAUTHENTICATED};

/// The cookie of a browser's session: sent over TLS, to this host, for every path, and unknown to scripts (RFC 6265bis
/// §4.1.3.2; OWASP ASVS 3.3.1 to 3.3.4).
pub const SESSION_COOKIE: &str = "__Host-session";

/// Who the request's credential belongs to. An `Authorization` header decides alone; a cookie counts where there is none.
pub(crate) async fn authenticated(request: &mut Request) -> Result<Arc<Principal>, Problem> {
    let decoded;
    let shown = if request.parts.headers.contains_key(header::AUTHORIZATION) {
        let value = request.header(&header::AUTHORIZATION).ok_or_else(|| UNAUTHENTICATED.problem())?;
        let (scheme, rest) = value.split_once(' ').ok_or_else(|| UNAUTHENTICATED.problem())?;
        if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
            Shown::Bearer(rest)
        } else if scheme.eq_ignore_ascii_case("basic") {
            decoded = basic(rest).ok_or_else(|| UNAUTHENTICATED.problem())?;
            Shown::BasicPassword(decoded.1.as_str())
        } else {
            return Err(UNAUTHENTICATED.problem());
        }
    } else {
        Shown::Cookie(cookie(request, SESSION_COOKIE).ok_or_else(|| UNAUTHENTICATED.problem())?)
    };
    match request.app.authenticator().authenticate(shown).await {
        Ok(principal) => {
            if principal.credential == Credential::Cookie {
                refuse_cross_site(request)?;
            }
            request.principal = Some(principal.clone());
            Ok(principal)
        }
        Err(Refusal::Invalid(reason)) => Err(UNAUTHENTICATED.problem().caused_by(reason)),
        Err(Refusal::Database(error)) => Err(error.into()),
    }
}

/// User and password of a Basic credential (RFC 7617 §2).
pub(crate) fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// The value of a cookie that the request has once. Other cookies are another's business, whatever bytes they hold.
pub(crate) fn cookie<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let lines = request.parts.headers.get_all(header::COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    let mut values = pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let value = values.next()?;
    values.next().is_none().then(|| std::str::from_utf8(value).ok())?
}

/// A browser sends cookies along with whatever another site makes it send. What changes something is taken from pages of
/// this origin alone, by what the browser itself says of the sender: `Sec-Fetch-Site` (W3C Fetch Metadata), or `Origin`
/// where a browser is older. A client that says neither has no business with a cookie (OWASP ASVS 3.5.1).
///
/// # Errors
/// [`CROSS_SITE`].
pub(crate) fn refuse_cross_site(request: &Request) -> Result<(), Problem> {
    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    if [Method::GET, Method::HEAD].contains(&request.parts.method) {
        return Ok(());
    }
    let own = match request.header(&FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => request
            .header(&header::ORIGIN)
            .is_some_and(|origin| origin == origin_of(request.app.settings().public_url.as_str())),
    };
    if own { Ok(()) } else { Err(CROSS_SITE.problem()) }
}

/// Scheme, host and port of a URL (RFC 6454 §6.1).
fn origin_of(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find('/').map_or(url, |end| &url[..host + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_is_the_url_without_its_path() {
        assert_eq!(origin_of("https://api.example/v1"), "https://api.example");
        assert_eq!(origin_of("http://127.0.0.1:8000"), "http://127.0.0.1:8000");
    }

    #[test]
    fn a_password_may_hold_colons_and_a_user_none() {
        assert_eq!(basic("dTpwOnc="), Some(("u".to_owned(), "p:w".to_owned())));
        assert_eq!(basic("dXNlcg=="), None);
        assert_eq!(basic("*"), None);
    }
}
