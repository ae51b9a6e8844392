//! Requests that no client library would send: invalid bytes, undeclared methods, oversized heads.
//! Each is refused, and none is a server error.

use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Actor, TestApp};

use crate::http::{Reply, exchange};

/// Sends a request of an actor with these bytes as method and target, and with this body.
async fn raw(app: &TestApp, actor: &Actor, start: &[u8], headers: &str, body: &[u8]) -> Reply {
    let mut request = start.to_vec();
    let token = actor.token();
    let length = body.len();
    request.extend_from_slice(
        format!(
            " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{headers}\
             Content-Length: {length}\r\n\r\n"
        )
        .as_bytes(),
    );

    request.extend_from_slice(body);

    exchange(app.address(), request).await
}

/// OWASP ASVS 1.1.1, 2.2.1.
#[tokio::test]
async fn invalid_text_is_refused_everywhere() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;

    let targets: [(&str, &[u8]); 12] = [
        (
            "bytes that are not UTF-8 in the path",
            b"GET /v1/customers/\xff\xfe",
        ),
        ("the same, encoded", b"GET /v1/customers/%ff%fe"),
        (
            "an overlong encoding of a slash",
            b"GET /v1/customers/%c0%af",
        ),
        ("an incomplete percent-encoding", b"GET /v1/customers/%f"),
        ("a NUL in the path", b"GET /v1/customers/a\0b"),
        ("the same, encoded", b"GET /v1/customers/%00"),
        (
            "bytes that are not UTF-8 in the query",
            b"GET /v1/customers?tag=\xff\xfe",
        ),
        ("the same, encoded", b"GET /v1/customers?tag=%ff%fe"),
        ("a NUL in the query", b"GET /v1/customers?tag=a\0b"),
        ("the same, encoded", b"GET /v1/customers?tag=a%00b"),
        ("a path traversal", b"GET /docs/../../../etc/passwd"),
        (
            "the same, encoded",
            b"GET /docs/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        ),
    ];

    for (what, start) in targets {
        let reply = raw(&app, &agent, start, "", b"").await;
        assert!((400..500).contains(&reply.status), "{what}: {reply:?}");
        assert!(!reply.body.contains("root:"), "{what}");
    }

    let json = "Content-Type: application/json\r\n";

    let bodies: [(&str, &[u8]); 4] = [
        (
            "bytes that are not UTF-8",
            b"{\"full_name\":\"\xff\xfe\",\"email\":\"ada@example.org\"}",
        ),
        (
            "a raw NUL",
            b"{\"full_name\":\"a\0b\",\"email\":\"ada@example.org\"}",
        ),
        (
            "an escaped NUL",
            br#"{"full_name":"a\u0000b","email":"ada@example.org"}"#,
        ),
        (
            "a byte order mark",
            b"\xef\xbb\xbf{\"full_name\":\"Ada\",\"email\":\"ada@example.org\"}",
        ),
    ];

    for (what, body) in bodies {
        let reply = raw(&app, &agent, b"POST /v1/customers", json, body).await;
        assert_eq!(reply.status, 400, "{what}: {reply:?}");
        assert_eq!(
            reply.json()["code"],
            "malformed_request",
            "{what}: {reply:?}"
        );
    }

    // RFC 8259 §8.2 allows an unpaired surrogate in JSON, but it is not valid text.
    let half = raw(
        &app,
        &agent,
        b"POST /v1/customers",
        json,
        br#"{"full_name":"\ud800","email":"a@example.org"}"#,
    )
    .await;

    assert_eq!(half.status, 422, "{half:?}");

    let deep = raw(
        &app,
        &agent,
        b"POST /v1/customers",
        json,
        &vec![b'['; 1_000_000],
    )
    .await;

    assert!(
        [400, 422].contains(&deep.status),
        "a million brackets: {deep:?}"
    );
    assert_eq!(
        agent.get("/v1/customers").await.json()["items"],
        serde_json::json!([])
    );
}

/// OWASP ASVS 4.1.4, 13.4.4.
#[tokio::test]
async fn undeclared_methods_are_refused() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;

    for method in [
        "BREW", "TRACE", "TRACK", "OPTIONS", "PUT", "get", "PROPFIND",
    ] {
        let reply = raw(
            &app,
            &agent,
            format!("{method} /v1/customers").as_bytes(),
            "X-Canary: reflected\r\n",
            b"",
        )
        .await;

        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, "get, head, post"),
            "{method}: {reply:?}"
        );
        assert_eq!(reply.json()["code"], "method_not_allowed", "{method}");
        assert!(
            !reply.body.contains("reflected") && !reply.body.contains(agent.token()),
            "{method}: {reply:?}"
        );
    }

    for start in ["CONNECT evil.example:443", "OPTIONS *", "PRI *", "GET"] {
        let reply = raw(&app, &agent, start.as_bytes(), "", b"").await;
        assert!(
            reply.status == 0 || (400..500).contains(&reply.status),
            "{start}: {reply:?}"
        );
    }
}

/// RFC 9110 §9.3.2.
#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let get = raw(&app, &agent, b"GET /v1/me", "", b"").await;
    let head = raw(&app, &agent, b"HEAD /v1/me", "", b"").await;

    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-length"), get.header("content-length"));

    let refused = exchange(
        app.address(),
        "HEAD /v1/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    )
    .await;

    assert_eq!((refused.status, refused.body.as_str()), (401, ""));
}

/// RFC 9112 §3.2.2: a client's host headers affect neither routing nor the `Location` of a new row.
#[tokio::test]
async fn host_headers_of_a_client_are_not_trusted() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let body = br#"{"full_name":"Ada","email":"ada@example.org"}"#;
    let headers = "Content-Type: application/json\r\nX-Forwarded-Host: evil.example\r\nX-Original-URL: /livez\r\n\
                   X-HTTP-Method-Override: DELETE\r\n";

    let made = raw(
        &app,
        &agent,
        b"POST http://evil.example/v1/customers",
        headers,
        body,
    )
    .await;

    assert_eq!(made.status, 201, "{made:?}");
    assert!(
        made.header("location").starts_with("/v1/customers/"),
        "{made:?}"
    );
    assert!(
        !made.head.contains("evil.example") && !made.body.contains("evil.example"),
        "{made:?}"
    );
}

/// OWASP ASVS 15.2.2.
#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let long_query = format!("GET /v1/customers?tag={}", "a".repeat(1 << 20));
    let long_path = format!("GET /v1/customers/{}", "a".repeat(1 << 20));
    let heads = [
        ("a URL of a megabyte", long_query, String::new()),
        ("a path of a megabyte", long_path, String::new()),
        (
            "a header of a megabyte",
            "GET /v1/me".to_owned(),
            format!("X-Long: {}\r\n", "a".repeat(1 << 20)),
        ),
        (
            "a thousand headers",
            "GET /v1/me".to_owned(),
            "X-Many: a\r\n".repeat(1_000),
        ),
    ];

    for (what, start, headers) in heads {
        let reply = raw(&app, &agent, start.as_bytes(), &headers, b"").await;
        // The response to a partly read head may be lost with the connection.
        assert!(
            [0, 400, 414, 431].contains(&reply.status),
            "{what}: {reply:?}"
        );
    }

    agent.get("/v1/me").await.assert_status(200);
}
