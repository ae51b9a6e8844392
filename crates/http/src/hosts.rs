//! The hosts that a service answers for. A page of another site whose name resolves to this machine (DNS rebinding) sends
//! its own name as the host, and is not answered.

use http::{StatusCode, header, request::Parts};

use crate::{Kind, Problem};

/// The request is for a host that this service does not serve (RFC 9110 §15.5.20).
pub const MISDIRECTED: Kind =
    Kind::new(StatusCode::MISDIRECTED_REQUEST, "misdirected_request", "This service does not answer for that host.");

/// The refusal of a request whose host is not among `allowed`; with none allowed in particular, all are.
pub(crate) fn refusal(parts: &Parts, allowed: &[String]) -> Option<Problem> {
    if allowed.is_empty() {
        return None;
    }
    let authority = parts.uri.authority().map(|authority| authority.as_str());
    let header = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = without_port(authority.or(header).unwrap_or_default());
    let is_allowed = allowed.iter().any(|name| name.eq_ignore_ascii_case(host));
    (!is_allowed).then(|| MISDIRECTED.problem())
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
        let request = http::Request::builder().header(header::HOST, host).body(()).unwrap();
        let allowed = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
        refusal(&request.into_parts().0, &allowed).is_some()
    }

    #[test]
    fn only_named_hosts_are_answered() {
        for host in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"] {
            assert!(!is_refused(host), "{host}");
        }
        for host in
            ["", "evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "[::2]"]
        {
            assert!(is_refused(host), "{host}");
        }
    }
}
