//! Probes are answered whatever else is connected: an orchestrator that gets no answer kills a healthy process.

use mainstay_testing::TestApp;
use tokio::net::TcpStream;

use crate::http::send;

/// More idle connections than the port has places, none of which times out while the test runs.
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
                    .expect("the server accepts"),
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

/// The places of the API are not those of the probes.
#[tokio::test]
async fn a_full_api_does_not_delay_a_probe() {
    let builder = TestApp::builder(fixture::platform()).setting("http.header_timeout", "10m");
    let app = builder.setting("http.max_connections", "2").start().await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(
            TcpStream::connect(app.address())
                .await
                .expect("the kernel accepts"),
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
