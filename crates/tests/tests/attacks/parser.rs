//! A request that the parser refuses gets a problem with a request id, like any other. Framing and
//! host headers follow RFC 9110, 9112 and 9113.

use std::net::SocketAddr;

use mainstay_testing::TestApp;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    http::{Reply, exchange, read_to_end},
    https::Https,
};

const GET: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\n";
const POST: &str =
    "POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";

/// Asserts that a response is a problem like that of any endpoint, and that the connection is
/// closed.
fn assert_refused(reply: &Reply, what: &str, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{what}: {reply:?}");

    let problem = reply.json();
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&status.into(), &code.into()),
        "{what}: {reply:?}"
    );
    assert_eq!(
        reply.header("content-type"),
        "application/problem+json",
        "{what}"
    );
    assert_eq!(
        problem["request_id"],
        reply.header("x-request-id"),
        "{what}"
    );
    assert_eq!(reply.header("x-request-id").len(), 36, "{what}: {reply:?}");
    assert_eq!(
        reply.header("content-length"),
        reply.body.len().to_string(),
        "{what}"
    );

    for (header, value) in [
        ("connection", "close"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(reply.header(header), value, "{what}: {reply:?}");
    }

    assert!(reply.header("date").ends_with(" gmt"), "{what}: {reply:?}");
}

/// RFC 9457; RFC 9110 §15.5.1, §15.6.6; RFC 6585 §5.
#[tokio::test]
async fn an_unreadable_head_is_answered_with_a_problem() {
    let app = TestApp::start(fixture::platform()).await;
    let long = "a".repeat(1 << 20);
    let heads = [
        (
            "not a request",
            "\u{1}\u{2}\r\n\r\n".to_owned(),
            400,
            "malformed_request",
        ),
        (
            "a method alone",
            "GET\r\n\r\n".to_owned(),
            400,
            "malformed_request",
        ),
        (
            "a NUL in the path",
            "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
            400,
            "malformed_request",
        ),
        (
            "a header without a name",
            format!("{GET}: value\r\n\r\n"),
            400,
            "malformed_request",
        ),
        (
            "a space before the colon",
            format!("{GET}X-Space : a\r\n\r\n"),
            400,
            "malformed_request",
        ),
        (
            "a folded line",
            format!("{GET}X-Folded: a\r\n b\r\n\r\n"),
            400,
            "malformed_request",
        ),
        (
            "a length that is not a number",
            format!("{POST}Content-Length: x\r\n\r\n"),
            400,
            "malformed_request",
        ),
        (
            "two lengths",
            format!("{POST}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            400,
            "malformed_request",
        ),
        (
            "chunked is not last",
            format!("{POST}Transfer-Encoding: chunked, gzip\r\n\r\n"),
            400,
            "malformed_request",
        ),
        (
            "another version",
            "GET /livez HTTP/3.0\r\nHost: a\r\n\r\n".to_owned(),
            505,
            "version_not_supported",
        ),
        (
            "HTTP/2 unasked",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            505,
            "version_not_supported",
        ),
        (
            "a thousand headers",
            format!("{GET}{}\r\n", "X-Many: a\r\n".repeat(1_000)),
            431,
            "head_too_large",
        ),
        (
            "a header of a megabyte",
            format!("{GET}X-Long: {long}\r\n\r\n"),
            431,
            "head_too_large",
        ),
        (
            "a URL of a megabyte",
            format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
            431,
            "head_too_large",
        ),
    ];

    for address in [app.address(), app.management_address()] {
        for (what, head, status, code) in &heads {
            assert_refused(&exchange(address, head).await, what, *status, code);
        }
    }
}

/// RFC 9110 §15.5.9: an incomplete request is answered, an idle connection is only closed.
#[tokio::test]
async fn an_incomplete_head_is_answered_and_an_idle_connection_is_closed() {
    let app = TestApp::builder(fixture::platform())
        .setting("http.header_timeout", "1s")
        .start()
        .await;
    assert_refused(
        &exchange(app.address(), "GET /livez HT").await,
        "half a line",
        408,
        "request_timeout",
    );

    assert_refused(
        &exchange(app.address(), GET).await,
        "half a head",
        408,
        "request_timeout",
    );
    assert_eq!(exchange(app.address(), "").await.status, 0);

    let idle = exchange(app.address(), format!("{GET}\r\n")).await;
    assert_eq!((idle.status, idle.body.as_str()), (200, "ok\n"));
}

/// The refusal follows the complete responses to earlier requests, in order.
#[tokio::test]
async fn a_refusal_follows_the_answers_before_it() {
    let app = TestApp::start(fixture::platform()).await;
    let asked = "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut stream = TcpStream::connect(app.address())
        .await
        .expect("the server accepts the connection");

    stream
        .write_all(format!("{asked}{GET}\r\n\u{1}\u{2}\r\n\r\n").as_bytes())
        .await
        .expect("the request is sent");

    let all = read_to_end(&mut stream).await;

    let first = Reply::of(&all);
    let length: usize = first
        .header("content-length")
        .parse()
        .expect("the response has a length");
    let (head, body) = (first.head.len() + 4, length);
    let rest = &all[head + body..];

    let livez = Reply::of(rest);
    assert_eq!((first.status, livez.status), (200, 200), "{}", livez.head);

    let refusal = rest
        .windows(9)
        .rposition(|window| window == b"HTTP/1.1 ")
        .expect("there is another response");
    assert_refused(
        &Reply::of(&rest[refusal..]),
        "after two others",
        400,
        "malformed_request",
    );
}

/// RFC 9112 §6.1: an unsupported transfer coding is refused with 501.
#[tokio::test]
async fn a_transfer_coding_other_than_chunked_is_not_implemented() {
    let app = TestApp::start(fixture::platform()).await;

    for codings in [
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: identity, chunked\r\n",
    ] {
        for path in ["/v1/sessions", "/nowhere", "/livez"] {
            let request = format!(
                "{}{codings}\r\n2\r\n{{}}\r\n0\r\n\r\n",
                POST.replace("/v1/sessions", path)
            );
            assert_refused(
                &exchange(app.address(), request).await,
                codings,
                501,
                "not_implemented",
            );
        }
    }

    let chunked = format!(
        "{POST}Connection: close\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    );
    assert_eq!(exchange(app.address(), chunked).await.status, 422);
}

/// RFC 9112 §3.2.
#[tokio::test]
async fn a_request_names_one_host() {
    let app = TestApp::start(fixture::platform()).await;

    let ask = async |address: SocketAddr, start: &str, hosts: &[&str]| {
        let hosts: String = hosts
            .iter()
            .map(|host| format!("Host: {host}\r\n"))
            .collect();
        exchange(
            address,
            format!("{start}\r\n{hosts}Connection: close\r\n\r\n"),
        )
        .await
    };

    for address in [app.address(), app.management_address()] {
        for hosts in [
            &[][..],
            &["a", "a"],
            &["a", "b"],
            &[""],
            &["a b"],
            &["a/b"],
            &["user@a"],
            &["a:port"],
            &["[::1"],
            &["é"],
        ] {
            let reply = ask(address, "GET /livez HTTP/1.1", hosts).await;
            assert_refused(&reply, &format!("{hosts:?}"), 400, "malformed_request");
        }

        for host in [
            "localhost",
            "api.example:8443",
            "192.0.2.1:80",
            "[2001:db8::1]:443",
        ] {
            assert_eq!(
                ask(address, "GET /livez HTTP/1.1", &[host]).await.status,
                200,
                "{host}"
            );
        }

        assert_eq!(
            ask(address, "GET /livez HTTP/1.0", &[]).await.status,
            200,
            "HTTP/1.0 has no Host"
        );
        assert_eq!(
            ask(address, "GET http://b/livez HTTP/1.1", &["a"])
                .await
                .status,
            200,
            "the target decides"
        );
    }
}

/// RFC 9113 §8.3.1.
#[tokio::test]
async fn an_http_2_request_names_one_host() {
    let app = TestApp::start(fixture::platform()).await;
    let https = Https::start(&app, &[]).await;
    let connection = https.connect(65_535).await;

    for (authority, host, status) in [
        ("localhost", None, 200),
        ("localhost", Some("LOCALHOST:443"), 200),
        ("localhost", Some("elsewhere"), 400),
        ("user@localhost", None, 400),
    ] {
        let mut request = ::http::Request::builder().uri(format!("https://{authority}/livez"));
        if let Some(host) = host {
            request = request.header("host", host);
        }

        let mut requests = connection
            .requests
            .clone()
            .ready()
            .await
            .expect("the connection is open");

        let (answer, _) = requests
            .send_request(request.body(()).expect("it is a request"), true)
            .expect("the bytes are sent");
        let answer = answer.await.expect("the request is answered");

        assert_eq!(answer.status(), status, "{authority} {host:?}");
        assert!(
            answer.headers().contains_key("x-request-id") || status == 200,
            "{authority} {host:?}"
        );
    }
}
