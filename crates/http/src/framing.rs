//! Checks of a request's framing and host, which HTTP requires for every route and hyper does not
//! make.

use http::{Version, header, request::Parts, uri::Scheme};

use crate::{MALFORMED, NOT_IMPLEMENTED, Problem};

/// Returns a problem if a request must be refused before it is routed.
pub(crate) fn refusal(parts: &Parts) -> Option<Problem> {
    if !is_framed(parts) {
        return Some(
            NOT_IMPLEMENTED
                .problem()
                .detail("Send the body without a transfer coding, or with chunked alone."),
        );
    }

    host_fault(parts).map(|fault| MALFORMED.problem().detail(fault))
}

/// Whether the body has no transfer coding other than `chunked` (RFC 9112 §6.1). Others are not
/// decoded.
fn is_framed(parts: &Parts) -> bool {
    let mut codings = parts.headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = codings
        .next()
        .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked"));
    is_chunked && codings.next().is_none()
}

/// Describes what is wrong with the request's host (RFC 9112 §3.2, RFC 9113 §8.3.1).
fn host_fault(parts: &Parts) -> Option<&'static str> {
    let mut hosts = parts
        .headers
        .get_all(header::HOST)
        .iter()
        .map(|host| host.as_bytes());

    let host = hosts.next();
    if hosts.next().is_some() {
        return Some("The request has more than one Host header.");
    }

    // The authority of HTTP/2. In HTTP/1.1 it is part of an absolute target and does not replace
    // the header.
    let authority = parts
        .uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let authority = authority.filter(|_| parts.version >= Version::HTTP_2);

    match (authority, host) {
        (None, None) if parts.version < Version::HTTP_11 => None,
        (None, None) => Some("The request has no Host header."),
        (Some(authority), Some(host)) if !is_same(authority, host, parts.uri.scheme()) => {
            Some("The Host header differs from :authority.")
        }
        (Some(named), _) | (None, Some(named)) => (!is_host(named))
            .then_some("The host must be a host name or an IP address, with an optional port."),
    }
}

/// Whether two authorities are equal, ignoring case and the scheme's default port.
fn is_same(one: &[u8], other: &[u8], scheme: Option<&Scheme>) -> bool {
    let port: &[u8] = if scheme == Some(&Scheme::HTTP) {
        b":80"
    } else {
        b":443"
    };

    let bare = |authority: &'_ [u8]| {
        authority
            .strip_suffix(port)
            .unwrap_or(authority)
            .to_ascii_lowercase()
    };

    bare(one) == bare(other)
}

/// Whether an authority is `uri-host [ ":" port ]` (RFC 3986 §3.2.2) and not empty (RFC 9110
/// §4.2.1).
fn is_host(authority: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(authority) else {
        return false;
    };

    let (host, port) = match text.rfind(']') {
        Some(end) => text.split_at(end + 1),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = port
        .strip_prefix(':')
        .unwrap_or(if port.is_empty() { "" } else { "none" });

    let is_port = port.bytes().all(|byte| byte.is_ascii_digit())
        && (port.is_empty() || port.parse::<u16>().is_ok());

    let literal = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let is_host = literal.map_or_else(
        || is_name(host),
        |address| address.parse::<std::net::Ipv6Addr>().is_ok(),
    );

    is_host && is_port
}

/// Whether a host is a name or an IPv4 address: unreserved characters, sub-delimiters and
/// percent-encoded ones.
fn is_name(host: &str) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte);
    let mut bytes = host.as_bytes();
    while let Some((first, rest)) = bytes.split_first() {
        bytes = match (first, rest) {
            (b'%', [high, low, rest @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                rest
            }
            (byte, rest) if is_plain(byte) => rest,
            _ => return false,
        };
    }

    !host.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(version: Version, uri: &str, hosts: &[&str]) -> Option<&'static str> {
        let mut request = http::Request::builder().version(version).uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        host_fault(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn http_1_requires_exactly_one_valid_host() {
        for host in [
            "a",
            "example.org:8000",
            "example.org:",
            "192.0.2.1",
            "[2001:db8::1]",
            "[::1]:80",
            "a_b",
            "a%41",
        ] {
            assert_eq!(fault(Version::HTTP_11, "/", &[host]), None, "{host}");
        }

        for host in [
            "", ":80", "a b", "a/b", "user@a", "a:b", "a:80:80", "a:99999", "[::1", "::1", "[a]",
            "[::1]x", "a%4",
        ] {
            assert!(fault(Version::HTTP_11, "/", &[host]).is_some(), "{host}");
        }

        assert!(fault(Version::HTTP_11, "/", &[]).is_some());
        assert!(fault(Version::HTTP_11, "/", &["a", "a"]).is_some());
        assert!(fault(Version::HTTP_11, "http://a/", &[]).is_some());
        assert_eq!(
            fault(Version::HTTP_11, "http://a/", &["b"]),
            None,
            "RFC 9112 §3.2.2: the target takes precedence"
        );
        assert_eq!(fault(Version::HTTP_10, "/", &[]), None);
        assert!(fault(Version::HTTP_10, "/", &["a", "b"]).is_some());
    }

    #[test]
    fn http_2_requires_an_authority_and_an_equal_host_if_any() {
        assert_eq!(fault(Version::HTTP_2, "https://a/", &[]), None);
        assert_eq!(fault(Version::HTTP_2, "/", &["a"]), None);
        assert_eq!(fault(Version::HTTP_2, "https://a/", &["A:443"]), None);
        assert!(fault(Version::HTTP_2, "https://a/", &["b"]).is_some());
        assert!(fault(Version::HTTP_2, "https://a/", &["a:80"]).is_some());
        assert!(fault(Version::HTTP_2, "https://user@a/", &[]).is_some());
        assert!(fault(Version::HTTP_2, "/", &[]).is_some());
    }

    #[test]
    fn chunked_is_the_only_transfer_coding() {
        let is_framed = |codings: &[&str]| {
            let mut request = http::Request::builder();
            for coding in codings {
                request = request.header(header::TRANSFER_ENCODING, *coding);
            }
            super::is_framed(&request.body(()).unwrap().into_parts().0)
        };

        assert!(is_framed(&[]) && is_framed(&["chunked"]) && is_framed(&["Chunked"]));

        for codings in [
            &["gzip, chunked"][..],
            &["gzip", "chunked"],
            &["chunked", "chunked"],
            &["chunked, chunked"],
            &[""],
        ] {
            assert!(!is_framed(codings), "{codings:?}");
        }
    }
}
