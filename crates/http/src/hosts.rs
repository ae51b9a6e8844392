//! The hosts that a service answers for. A page of another site whose name resolves to this machine (DNS rebinding) sends
//! its own name as the host, and is not answered.

use http::{StatusCode, header, request::Parts};

use crate::{Kind, Problem};

/// The request is for a host that this service does not serve (RFC 9110 §15.5.20).
pub const MISDIRECTED: Kind = Kind::new(
    StatusCode::MISDIRECTED_REQUEST,
    "misdirected_request",
    "This service does not answer for that host.",
);

/// The refusal of a request whose host is not among `allowed`; with none allowed in particular, all are.
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

/// Where a browser should be instead that came to this machine by its address, while the service is known by the machine's
/// name: passkeys and cookies belong to the name (Web Authentication §5.1.2).
pub(crate) fn by_name(parts: &Parts, public_url: &str) -> Option<String> {
    let known_as = public_url.strip_prefix("http://localhost")?;
    let host = parts.headers.get(header::HOST)?.to_str().ok()?;
    let port = ["127.0.0.1", "[::1]"]
        .iter()
        .find_map(|address| host.strip_prefix(address))?;
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    (known_as.split('/').next() == Some(port)).then(|| format!("http://localhost{port}{path}"))
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
    fn the_machine_goes_by_its_name() {
        let moved = |host: &str, public_url: &str| {
            let request = http::Request::builder()
                .uri("/docs?a=b")
                .header(header::HOST, host)
                .body(())
                .unwrap();
            by_name(&request.into_parts().0, public_url)
        };

        let there = Some("http://localhost:8000/docs?a=b".to_owned());
        assert_eq!(moved("127.0.0.1:8000", "http://localhost:8000"), there);
        assert_eq!(moved("[::1]:8000", "http://localhost:8000/base"), there);

        for (host, public_url) in [
            ("localhost:8000", "http://localhost:8000"),
            ("127.0.0.1:9000", "http://localhost:8000"),
            ("127.0.0.1.evil.example:8000", "http://localhost:8000"),
            ("127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("127.0.0.1", "https://api.example"),
            ("127.0.0.1:8000", "http://localhost.example:8000"),
        ] {
            assert_eq!(moved(host, public_url), None, "{host} for {public_url}");
        }
    }

    #[test]
    fn only_named_hosts_are_answered() {
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
