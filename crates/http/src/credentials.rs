//! What a request shows of its caller, and whether a browser sent it for another site.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, Method, header};
use mainstay_access::{Credential, Principal};

use crate::{CROSS_SITE, Problem, Refusal, Request, Shown, UNAUTHENTICATED};

/// The cookie of a browser's session: sent over TLS, to this host, for every path, and unknown to scripts (RFC 6265bis
/// §4.1.3.2; OWASP ASVS 3.3.1 to 3.3.4).
pub const SESSION_COOKIE: &str = "__Host-session";

/// What is wrong with a token that was shown (RFC 6750 §3.1).
const INVALID_TOKEN: &str = r#"Bearer error="invalid_token""#;

/// Who the request's credential belongs to. An `Authorization` header decides alone; a cookie counts where there is none.
pub(crate) async fn authenticated(request: &mut Request) -> Result<Arc<Principal>, Problem> {
    let decoded;
    let shown = if request.parts.headers.contains_key(header::AUTHORIZATION) {
        match authorization(request).ok_or_else(|| UNAUTHENTICATED.problem())? {
            (Scheme::Bearer, token) => Shown::Bearer(token),
            (Scheme::Basic, encoded) => {
                decoded = basic(encoded).ok_or_else(|| UNAUTHENTICATED.problem())?;
                Shown::BasicPassword(decoded.1.as_str())
            }
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
        Err(Refusal::Invalid(reason)) => {
            let problem = UNAUTHENTICATED.problem().caused_by(reason);
            Err(if matches!(shown, Shown::Bearer(_)) {
                problem.challenge(INVALID_TOKEN)
            } else {
                problem
            })
        }
        Err(Refusal::Database(error)) => Err(error.into()),
    }
}

/// How an `Authorization` header shows a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Bearer,
    Basic,
}

/// The scheme of the `Authorization` header that the request has once, and what follows it.
pub(crate) fn authorization(request: &Request) -> Option<(Scheme, &str)> {
    request.header(&header::AUTHORIZATION).and_then(credentials)
}

/// A scheme in whatever case, one space or more, and a value (RFC 9110 §11.1, §11.4).
fn credentials(value: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = value.split_once(' ')?;
    let shown = rest.trim_start_matches(' ');
    let schemes = [("bearer", Scheme::Bearer), ("basic", Scheme::Basic)];
    let (_, known) = schemes
        .into_iter()
        .find(|(name, _)| scheme.eq_ignore_ascii_case(name))?;
    (!shown.is_empty()).then_some((known, shown))
}

/// Says what a bearer token lacks, where one was shown (RFC 6750 §3.1). `permission` is what would do, if any would.
pub(crate) fn lacks(request: &Request, problem: Problem, permission: Option<&str>) -> Problem {
    if !matches!(authorization(request), Some((Scheme::Bearer, _))) {
        return problem;
    }

    let scope = permission
        .map(|name| format!(r#", scope="{name}""#))
        .unwrap_or_default();
    problem.challenge(format!(r#"Bearer error="insufficient_scope"{scope}"#))
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

    if own {
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
    fn a_scheme_has_no_case_and_any_number_of_spaces_follows() {
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
    fn a_password_may_hold_colons_and_a_user_none() {
        assert_eq!(basic("dTpwOnc="), Some(("u".to_owned(), "p:w".to_owned())));
        assert_eq!(basic("dXNlcg=="), None);
        assert_eq!(basic("*"), None);
    }
}
