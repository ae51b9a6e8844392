//! Redirect addresses: which of them an operator may register, which a request may name, and which
//! prove the identity of the application.

use reqwest::Url;

/// The loopback addresses of applications that choose a port when they start (RFC 8252 §7.3).
/// `localhost` is not one of them, because it may resolve to another address (§8.3).
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Whether an operator may register `uri`: an https address, a loopback address (RFC 8252 §7.3), or
/// an address with a scheme of the application's own (§7.1). Requests are compared character by
/// character, so `uri` must be in its normalized form.
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

    // The normalized form of `https://a.example` is `https://a.example/`. No other difference is
    // accepted.
    let as_written = url.as_str() == uri || url.as_str().strip_suffix('/') == Some(uri);
    plain && allowed && as_written && uri.len() <= 2000
}

/// Whether a request may name `uri` if `registered` is registered. They must be equal, character by
/// character (RFC 9700 §2.1; OWASP ASVS 10.4.1). Only the port of a loopback address may differ
/// (RFC 8252 §7.3).
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

/// Returns what follows the host and the port of an address on `machine`, or `None` for any other
/// address.
fn without_port<'u>(uri: &'u str, machine: &str) -> Option<&'u str> {
    let rest = uri.strip_prefix(machine)?;
    let Some(port_and_path) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest);
    };

    let end = port_and_path
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(port_and_path.len());
    let (port, path) = port_and_path.split_at(end);
    let is_port = !port.starts_with('0') && port.parse::<u16>().is_ok();
    (is_port && (path.is_empty() || path.starts_with(['/', '?']))).then_some(path)
}

/// Whether the address proves the identity of the application: a registered host proves its name
/// with TLS. Any program on a device may listen on a loopback port or claim a scheme (RFC 8252
/// §8.6).
pub(crate) fn assures_identity(uri: &str) -> bool {
    uri.starts_with("https://")
}

/// The recipient of the response, as it is shown to a person: the host, with its port if it is not
/// the default one, or the scheme of an application.
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
    fn a_redirect_uses_tls_loopback_or_an_own_scheme() {
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

    /// RFC 8252 §7.3: only the port may differ, and only of a loopback address.
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
    fn a_person_is_shown_the_recipient() {
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
