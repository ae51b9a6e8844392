//! The hosts that the service serves. This prevents DNS rebinding: a page of another site whose
//! name resolves to this machine sends its own name as the host, and is refused.

use http::{StatusCode, header, request::Parts};

use crate::{Kind, Problem};

/// The request is for a host that this service does not serve (RFC 9110 §15.5.20).
pub const MISDIRECTED: Kind = Kind::new(
    StatusCode::MISDIRECTED_REQUEST,
    "misdirected_request",
    "This service does not serve this host.",
);

/// Returns a problem if the request's host is not in `allowed`. An empty list allows every host.
pub(crate) fn refusal(parts: &Parts, allowed: &[String]) -> Option<Problem> {
    if allowed.is_empty() {
        return None;
    }

    let authority = parts.uri.authority().map(|authority| authority.as_str());
    let header = parts
        .headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = without_port(authority.or(header).unwrap_or_default());
    let is_allowed = allowed.iter().any(|name| name.eq_ignore_ascii_case(host));

    (!is_allowed).then(|| MISDIRECTED.problem())
}

/// Returns the URL to redirect to if a browser uses a loopback address although the public URL is
/// `localhost`: passkeys and cookies belong to the name (Web Authentication §5.1.2).
pub(crate) fn by_name(parts: &Parts, public_url: &str) -> Option<String> {
    let public_port = public_url.strip_prefix("http://localhost")?;
    let host = parts.headers.get(header::HOST)?.to_str().ok()?;
    let port = ["127.0.0.1", "[::1]"]
        .iter()
        .find_map(|address| host.strip_prefix(address))?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());

    (public_port.split('/').next() == Some(port)).then(|| format!("http://localhost{port}{path}"))
}

fn without_port(authority: &str) -> &str {
    match authority.rfind(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(host: &str) -> bool {
        let request = http::Request::builder()
            .header(header::HOST, host)
            .body(())
            .unwrap();
        let allowed = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        refusal(&request.into_parts().0, &allowed).is_some()
    }

    #[test]
    fn loopback_addresses_are_redirected_to_localhost() {
        let redirected = |host: &str, public_url: &str| {
            let request = http::Request::builder()
                .uri("/docs?a=b")
                .header(header::HOST, host)
                .body(())
                .unwrap();
            by_name(&request.into_parts().0, public_url)
        };

        let by_name = Some("http://localhost:8000/docs?a=b".to_owned());
        assert_eq!(
            redirected("127.0.0.1:8000", "http://localhost:8000"),
            by_name
        );
        assert_eq!(
            redirected("[::1]:8000", "http://localhost:8000/base"),
            by_name
        );

        for (host, public_url) in [
            ("localhost:8000", "http://localhost:8000"),
            ("127.0.0.1:9000", "http://localhost:8000"),
            ("127.0.0.1.evil.example:8000", "http://localhost:8000"),
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("127.0.0.1", "https://api.example"),
            ("127.0.0.1:8000", "http://localhost.example:8000"),
        ] {
            assert_eq!(
                redirected(host, public_url),
                None,
                "{host} for {public_url}"
            );
        }
    }

    #[test]
    fn only_allowed_hosts_are_served() {
        for host in [
            "localhost",
            "LOCALHOST:8000",
            "127.0.0.1:8000",
            "[::1]:8000",
            "[::1]",
        ] {
            assert!(!is_refused(host), "{host}");
        }

        for host in [
            "",
            "evil.example",
            "evil.example:8000",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "[::2]",
        ] {
            assert!(is_refused(host), "{host}");
        }
    }
}
