//! CORS and security headers: which pages may read a response, and what a browser may do with it.

use mainstay::http::Method;
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Answer, TestApp};

const ALLOWED: &str = "https://app.example";

/// OWASP ASVS 3.4.2.
#[tokio::test]
async fn only_pages_of_allowed_origins_may_read_responses() {
    let app = TestApp::builder(fixture::platform())
        .setting("http.cors_origins", ALLOWED)
        .start()
        .await;
    let agent = app.actor(Agent).await;

    let ask = async |method: Method, origin: &str| -> Answer {
        let call = agent.request(method, "/v1/me").header("origin", origin);
        call.header("access-control-request-method", "GET")
            .send()
            .await
    };

    let tricks = [
        "https://evil.example",
        "null",
        "*",
        "https://app.example.evil.example",
        "https://evilapp.example",
        "https://app.example:8443",
        "http://app.example",
        "https://app.example/",
        "https://app.example@evil.example",
        "https://sub.app.example",
    ];

    for method in [Method::GET, Method::OPTIONS] {
        for origin in tricks {
            let answer = ask(method.clone(), origin).await;
            let allowed = answer.header("access-control-allow-origin");
            assert_ne!(allowed, origin, "{method} {origin}");
            assert!(
                ["", ALLOWED].contains(&allowed),
                "{method} {origin}: {allowed}"
            );
        }

        let answer = ask(method.clone(), ALLOWED).await;
        assert_eq!(
            answer.header("access-control-allow-origin"),
            ALLOWED,
            "{method}"
        );
        assert!(
            answer.header("vary").to_lowercase().contains("origin"),
            "{method}"
        );
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            "",
            "{method}"
        );
    }
}

#[tokio::test]
async fn by_default_no_page_of_another_origin_may_read_responses() {
    let app = TestApp::start(fixture::platform()).await;
    for method in [Method::GET, Method::OPTIONS] {
        let answer = app
            .anonymous()
            .request(method, "/livez")
            .header("origin", ALLOWED)
            .send()
            .await;

        assert!(
            answer
                .headers
                .keys()
                .all(|name| !name.as_str().starts_with("access-control-")),
            "{:?}",
            answer.headers
        );
    }
}

/// OWASP ASVS 3.4.1, 3.4.3 to 3.4.6, 13.4.6, 14.3.2. The tests that provoke a 5xx check its
/// headers.
#[tokio::test]
async fn every_response_has_the_security_headers() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let ask = async |path: &str| agent.get(path).await;

    for (path, status) in [
        ("/v1/me", 200),
        ("/docs", 200),
        ("/look/icon.svg", 200),
        ("/openapi.json", 200),
        ("/livez", 200),
        ("/readyz", 200),
        ("/v1/customers/%ff", 400),
        ("/v1/audit/events", 403),
        ("/nowhere", 404),
        ("/v1/customers?limit=0", 422),
    ] {
        let answer = ask(path).await;
        answer.assert_status(status);
        assert_secured(&answer);
    }

    assert_secured(&app.anonymous().get("/v1/me").await);
    assert_secured(agent.delete("/v1/customers").await.assert_status(405));
    assert_eq!(
        agent.get("/v1/me").await.header("cache-control"),
        "no-store"
    );
}

/// Asserts that a response has every security header of OWASP, and none that names the server
/// software.
pub fn assert_secured(answer: &Answer) {
    let expected = [
        ("strict-transport-security", "max-age=63072000"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "frame-ancestors 'none'"),
        ("cross-origin-resource-policy", "same-origin"),
    ];

    for (name, part) in expected {
        assert!(
            answer.header(name).contains(part),
            "{name}: {:?}",
            answer.headers
        );
    }

    assert!(
        answer
            .header("content-security-policy")
            .starts_with("default-src 'none'"),
        "{:?}",
        answer.headers
    );

    for header in ["server", "x-powered-by", "via"] {
        assert!(!answer.headers.contains_key(header), "{:?}", answer.headers);
    }
}
