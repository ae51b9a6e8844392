//! Probes are always answered, since an orchestrator kills a process that does not answer.

use mainstay_testing::TestApp;
use tokio::net::TcpStream;

use crate::http::send;

/// More idle connections than the port allows, none of which times out during the test.
#[tokio::test]
async fn idle_connections_do_not_delay_a_probe() {
    let app = TestApp::builder(fixture::platform())
        .setting("http.header_timeout", "10m")
        .start()
        .await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        for _ in 0..100 {
            idle.push(
                TcpStream::connect(app.management_address())
                    .await
                    .expect("the server accepts the connection"),
            );
        }

        for path in ["/livez", "/readyz", "/metrics"] {
            assert_eq!(
                send(app.management_address(), "GET", path, "", "")
                    .await
                    .status,
                200,
                "{path}"
            );
        }
    }
}

/// The API and the probes have separate connection limits.
#[tokio::test]
async fn a_full_api_does_not_delay_a_probe() {
    let builder = TestApp::builder(fixture::platform()).setting("http.header_timeout", "10m");
    let app = builder.setting("http.max_connections", "2").start().await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(
            TcpStream::connect(app.address())
                .await
                .expect("the kernel accepts the connection"),
        );
    }

    assert_eq!(
        send(app.management_address(), "GET", "/livez", "", "")
            .await
            .status,
        200
    );

    assert_eq!(
        send(app.management_address(), "GET", "/readyz", "", "")
            .await
            .status,
        200
    );
}
