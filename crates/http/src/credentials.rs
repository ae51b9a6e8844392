//! Extraction of credentials from a request, and protection against cross-site requests.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, Method, header};
use mainstay_access::{Credential, Principal};

use crate::{CROSS_SITE, PresentedCredential, Problem, Refusal, Request, UNAUTHENTICATED};

/// The cookie of a browser's session. Its prefix restricts it to TLS, this host and all paths (RFC
/// 6265bis §4.1.3.2; OWASP ASVS 3.3.1 to 3.3.4).
pub const SESSION_COOKIE: &str = "__Host-session";

/// The challenge for an invalid bearer token (RFC 6750 §3.1).
const INVALID_TOKEN: &str = r#"Bearer error="invalid_token""#;

/// Returns the principal of the request's credential. A cookie is read only if there is no
/// `Authorization` header.
pub(crate) async fn authenticated(request: &mut Request) -> Result<Arc<Principal>, Problem> {
    let decoded;
    let shown = if request.parts.headers.contains_key(header::AUTHORIZATION) {
        match authorization(request).ok_or_else(|| UNAUTHENTICATED.problem())? {
            (Scheme::Bearer, token) => PresentedCredential::Bearer(token),
            (Scheme::Basic, encoded) => {
                decoded = basic(encoded).ok_or_else(|| UNAUTHENTICATED.problem())?;
                PresentedCredential::BasicPassword(decoded.1.as_str())
            }
        }
    } else {
        PresentedCredential::Cookie(
            cookie(request, SESSION_COOKIE).ok_or_else(|| UNAUTHENTICATED.problem())?,
        )
    };

    match request.app.authenticator().authenticate(shown).await {
        Ok(principal) => {
            if principal.credential == Credential::Cookie {
                refuse_cross_site(request)?;
            }
            request.principal = Some(principal.clone());
            Ok(principal)
        }
        Err(Refusal::Invalid(reason)) => {
            let problem = UNAUTHENTICATED.problem().caused_by(reason);
            Err(if matches!(shown, PresentedCredential::Bearer(_)) {
                problem.challenge(INVALID_TOKEN)
            } else {
                problem
            })
        }
        Err(Refusal::Database(error)) => Err(error.into()),
    }
}

/// An authentication scheme of the `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Bearer,
    Basic,
}

/// Returns the scheme and value of the `Authorization` header; `None` if the header is missing or
/// repeated.
pub(crate) fn authorization(request: &Request) -> Option<(Scheme, &str)> {
    request.header(&header::AUTHORIZATION).and_then(credentials)
}

/// Parses a case-insensitive scheme, one or more spaces, and a value (RFC 9110 §11.1, §11.4).
fn credentials(value: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = value.split_once(' ')?;
    let shown = rest.trim_start_matches(' ');
    let schemes = [("bearer", Scheme::Bearer), ("basic", Scheme::Basic)];
    let (_, known) = schemes
        .into_iter()
        .find(|(name, _)| scheme.eq_ignore_ascii_case(name))?;
    (!shown.is_empty()).then_some((known, shown))
}

/// Adds the `insufficient_scope` challenge if the request has a bearer token (RFC 6750 §3.1).
/// `permission` is the one that would suffice, if any.
pub(crate) fn lacks(request: &Request, problem: Problem, permission: Option<&str>) -> Problem {
    if !matches!(authorization(request), Some((Scheme::Bearer, _))) {
        return problem;
    }

    let scope = permission
        .map(|name| format!(r#", scope="{name}""#))
        .unwrap_or_default();
    problem.challenge(format!(r#"Bearer error="insufficient_scope"{scope}"#))
}

/// Decodes the user and password of a Basic credential (RFC 7617 §2).
pub(crate) fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// Returns the value of a cookie; `None` if it is missing, repeated, or not UTF-8. Other cookies
/// are not validated.
pub(crate) fn cookie<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let lines = request.parts.headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b';'))
        .map(<[u8]>::trim_ascii);
    let mut values =
        pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    let value = values.next()?;
    values
        .next()
        .is_none()
        .then(|| std::str::from_utf8(value).ok())?
}

/// Refuses an unsafe request that a browser sent with a cookie on behalf of another site. The
/// browser names the sender in `Sec-Fetch-Site` (W3C Fetch Metadata), older browsers in `Origin`. A
/// request with neither is refused too (OWASP ASVS 3.5.1).
///
/// # Errors
/// [`CROSS_SITE`].
pub(crate) fn refuse_cross_site(request: &Request) -> Result<(), Problem> {
    const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

    if [Method::GET, Method::HEAD].contains(&request.parts.method) {
        return Ok(());
    }

    let is_same_origin = match request.header(&FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => request
            .header(&header::ORIGIN)
            .is_some_and(|origin| origin == origin_of(request.app.settings().public_url.as_str())),
    };

    if is_same_origin {
        Ok(())
    } else {
        Err(CROSS_SITE.problem())
    }
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

    /// RFC 9110 §11.1, §11.4.
    #[test]
    fn a_scheme_is_case_insensitive_and_may_be_followed_by_several_spaces() {
        for right in ["Bearer x", "bearer x", "BEARER    x"] {
            assert_eq!(credentials(right), Some((Scheme::Bearer, "x")), "{right}");
        }

        assert_eq!(credentials("bAsIc  dTpw"), Some((Scheme::Basic, "dTpw")));

        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer   ",
            "Bearer\tx",
            "Bearerx x",
            "Digest x",
            " Bearer x",
            "x",
        ] {
            assert_eq!(credentials(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_password_may_contain_colons_but_a_user_name_may_not() {
        assert_eq!(basic("dTpwOnc="), Some(("u".to_owned(), "p:w".to_owned())));
        assert_eq!(basic("dXNlcg=="), None);
        assert_eq!(basic("*"), None);
    }
}
