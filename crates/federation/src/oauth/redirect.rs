//! Where a browser may be sent back to: which addresses an operator may register, which of them a request may name, and
//! who is certain to be answered there.

use reqwest::Url;

/// This machine, as a redirect names it whose port is chosen when the application starts (RFC 8252 §7.3). `localhost` is not
/// among them: what it resolves to is not certain (§8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Whether an operator may register it: over TLS, to this very machine (RFC 8252 §7.3), or to an application by a scheme
/// of its own (§7.1). Since requests are compared letter by letter, it must be written the way that it is read.
pub(crate) fn may_be_registered(uri: &str) -> bool {
    let Ok(url) = Url::parse(uri) else {
        return false;
    };

    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
        && !uri.contains('#');
    let host = url.host_str().unwrap_or_default();
    let allowed = match url.scheme() {
        "https" => !host.is_empty(),
        "http" => ["127.0.0.1", "[::1]", "localhost"].contains(&host),
        scheme => scheme.contains('.'),
    };

    // `https://a.example` is read as `https://a.example/`; everything else that differs is a trick.
    let as_written = url.as_str() == uri || url.as_str().strip_suffix('/') == Some(uri);
    plain && allowed && as_written && uri.len() <= 2000
}

/// Whether a request may name `uri` where `registered` is registered: letter by letter (RFC 9700 §2.1; OWASP ASVS 10.4.1),
/// except for the port of this machine, which may be any (RFC 8252 §7.3).
pub(crate) fn matches(registered: &str, uri: &str) -> bool {
    if registered == uri {
        return true;
    }

    LOOPBACK.iter().any(|machine| {
        let (registered, asked) = (
            without_port(registered, machine),
            without_port(uri, machine),
        );
        registered.is_some() && registered == asked
    })
}

/// What follows the host and the port of an address on `machine`; `None` for any other address.
fn without_port<'u>(uri: &'u str, machine: &str) -> Option<&'u str> {
    let rest = uri.strip_prefix(machine)?;
    let Some(port_and_path) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest);
    };

    let end = port_and_path
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(port_and_path.len());
    let (port, path) = port_and_path.split_at(end);
    let is_port = !port.starts_with('0') && port.parse::<u16>().is_ok();
    (is_port && (path.is_empty() || path.starts_with(['/', '?']))).then_some(path)
}

/// Whether the application is certain to be the one that is answered there: a registered host that proves its name by TLS.
/// Whatever runs on a machine may listen on its ports and claim a scheme (RFC 8252 §8.6).
pub(crate) fn assures_identity(uri: &str) -> bool {
    uri.starts_with("https://")
}

/// Who is answered there, for a person: a host, with its port where it is not the usual one, or the scheme of an
/// application.
pub(crate) fn recipient(uri: &str) -> String {
    let Ok(url) = Url::parse(uri) else {
        return uri.to_owned();
    };
    let host = url
        .host_str()
        .filter(|_| ["http", "https"].contains(&url.scheme()));
    match (host, url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => url.scheme().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_over_tls_or_to_this_machine() {
        for right in [
            "https://app.example",
            "https://app.example/back?tenant=1",
            "http://127.0.0.1:7000/back",
            "http://[::1]/back",
            "http://localhost/",
            "com.example.app:/back",
        ] {
            assert!(may_be_registered(right), "{right}");
        }

        for wrong in [
            "",
            "/back",
            "app.example/back",
            "http://app.example/back",
            "https://app.example/back#part",
            "https://app.example/back#",
            "https://user@app.example/back",
            "https://app.example/a/../back",
            "https://APP.example/back",
            "https://app.example/ back",
            "https://app.example\\back",
            "https:///back",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://127.0.0.1.evil.example/",
            "http://localhost.evil.example/",
        ] {
            assert!(!may_be_registered(wrong), "{wrong}");
        }
    }

    /// RFC 8252 §7.3: the port alone may differ, and on this machine alone.
    #[test]
    fn a_loopback_redirect_may_name_any_port() {
        for (registered, right) in [
            ("http://127.0.0.1/back", "http://127.0.0.1:1/back"),
            (
                "http://127.0.0.1:7000/back?a=1",
                "http://127.0.0.1:65535/back?a=1",
            ),
            ("http://127.0.0.1:7000/back", "http://127.0.0.1/back"),
            ("http://[::1]:7000/", "http://[::1]:51004/"),
            ("http://127.0.0.1", "http://127.0.0.1:80"),
        ] {
            assert!(matches(registered, right), "{registered} {right}");
        }

        for (registered, wrong) in [
            ("http://127.0.0.1:7000/back", "http://127.0.0.1:7001/other"),
            ("http://127.0.0.1:7000/back", "http://127.0.0.1:7001/back/"),
            ("http://127.0.0.1:7000/back", "http://127.0.0.1:7001/back?x"),
            ("http://127.0.0.1:7000/back", "https://127.0.0.1:7001/back"),
            ("http://127.0.0.1:7000/back", "http://[::1]:7000/back"),
            ("http://127.0.0.1:7000/back", "http://127.0.0.2:7000/back"),
            ("http://127.0.0.1:7000/back", "http://localhost:7000/back"),
            ("http://127.0.0.1:7000/back", "http://127.0.0.1:0/back"),
            ("http://127.0.0.1:7000/back", "http://127.0.0.1:07001/back"),
            ("http://127.0.0.1:7000/back", "http://127.0.0.1:65536/back"),
            ("http://127.0.0.1:7000/back", "http://127.0.0.1:+1/back"),
            ("http://127.0.0.1:7000/back", "http://127.0.0.1:/back"),
            (
                "http://127.0.0.1:7000/back",
                "http://127.0.0.1:7001@evil.example/back",
            ),
            (
                "http://127.0.0.1:7000/back",
                "http://127.0.0.1.evil.example:7001/back",
            ),
            (
                "http://127.0.0.1:7000/back",
                "http://127.0.0.1:7001.evil.example/back",
            ),
            (
                "http://127.0.0.1:7000",
                "http://127.0.0.1:7001@evil.example",
            ),
            ("http://localhost:7000/back", "http://localhost:7001/back"),
            ("https://app.example/back", "https://app.example:8443/back"),
            ("com.example.app:/back", "com.example.app:/other"),
        ] {
            assert!(!matches(registered, wrong), "{registered} {wrong}");
        }
    }

    #[test]
    fn a_person_is_told_who_is_answered() {
        for (uri, expected) in [
            ("https://app.example/back?tenant=1", "app.example"),
            ("https://app.example:8443/back", "app.example:8443"),
            ("http://127.0.0.1:7000/back", "127.0.0.1:7000"),
            ("http://[::1]/back", "[::1]"),
            ("com.example.app:/back", "com.example.app"),
            ("com.example.app://evil.example/back", "com.example.app"),
        ] {
            assert_eq!(recipient(uri), expected, "{uri}");
        }

        assert!(assures_identity("https://app.example/back"));
        assert!(
            !assures_identity("http://127.0.0.1/back")
                && !assures_identity("com.example.app:/back")
        );
    }
}
