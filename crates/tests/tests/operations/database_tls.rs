//! Impostors of Postgres: the service refuses to connect, and sends no secret (OWASP ASVS 12.3.1 to
//! 12.3.4).

use std::{fs, net::SocketAddr, time::Duration};

use mainstay::{
    Service, Settings,
    config::Reader,
    crypto::KeyRing,
    kernel::{ExposeSecret as _, Random, Runtime},
};
use mainstay_testing::TestApp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::mpsc,
};

use crate::http::send;

/// Number of readiness checks, a tenth of a second apart, while the service opens its connections.
const QUESTIONS: usize = 100;

/// Starts a service with this database. Returns the status of `/readyz` once it is 200, or after a
/// while. The service ends with the test's runtime.
async fn readiness(url: &str) -> u16 {
    let values = [
        ("environment", "development".to_owned()),
        ("http.bind", "127.0.0.1:0".to_owned()),
        ("management.bind", "127.0.0.1:0".to_owned()),
        ("database.url", url.to_owned()),
        (
            "crypto.keys",
            KeyRing::generate(&Random::default())
                .expose_secret()
                .to_owned(),
        ),
        // A handshake is slow in a debug build.
        ("database.acquire_timeout", "10s".to_owned()),
        ("database.pool_size", "1".to_owned()),
    ];

    let settings = Settings::read(&mut Reader::new([]).with_layer("test", values))
        .expect("the settings are valid");
    let service = Service::bind(&fixture::platform(), settings, Runtime::default(), None).await;
    let service = service.unwrap_or_else(|error| panic!("{error}"));
    let address = service.address().expect("the port is bound");

    tokio::spawn(service.run(std::future::pending()));
    let mut status = 0;
    for _ in 0..QUESTIONS {
        status = send(address, "GET", "/readyz", "", "").await.status;
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    status
}

#[tokio::test]
async fn a_server_with_an_untrusted_certificate_is_refused() {
    let app = TestApp::start(fixture::platform()).await;
    let url = app.database_url().expose_secret().to_owned();
    assert_eq!(readiness(&url).await, 200, "the trusted server");

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()])
        .expect("the certificate is generated");
    let file = tempfile::NamedTempFile::new().expect("the temporary file is created");
    fs::write(file.path(), other.cert.pem()).expect("the file is written");

    let (before, _) = url
        .split_once("sslrootcert=")
        .expect("a URL from devdb has the certificate authority");
    let elsewhere = format!("{before}sslrootcert={}", file.path().display());

    assert_eq!(readiness(&elsewhere).await, 503, "another authority");
    assert_eq!(
        readiness(before.trim_end_matches('&')).await,
        503,
        "the public authorities"
    );
}

/// On Linux all of 127.0.0.0/8 is this machine, and the certificate is valid for one of these
/// addresses.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_server_with_another_name_is_refused() {
    let app = TestApp::start(fixture::platform()).await;
    let url = app.database_url().expose_secret().to_owned();
    let port = url
        .rsplit_once("@localhost:")
        .and_then(|(_, rest)| rest.split('/').next())
        .expect("a port is free");
    let forwarder = forward("127.0.0.2:0", format!("127.0.0.1:{port}")).await;

    let right_name = forward("127.0.0.1:0", format!("127.0.0.1:{port}")).await;
    let by =
        |address: SocketAddr| url.replace(&format!("@localhost:{port}"), &format!("@{address}"));

    assert_eq!(
        readiness(&by(right_name)).await,
        200,
        "a name in the certificate"
    );
    assert_eq!(
        readiness(&by(forwarder)).await,
        503,
        "a name that is not in the certificate"
    );
}

/// Forwards connections to Postgres.
#[cfg(target_os = "linux")]
async fn forward(from: &str, to: String) -> SocketAddr {
    let listener = TcpListener::bind(from).await.expect("a port is free");
    let address = listener.local_addr().expect("the port is bound");

    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let mut server = tokio::net::TcpStream::connect(to)
                    .await
                    .expect("Postgres accepts the connection");
                // Either side may close.
                tokio::io::copy_bidirectional(&mut client, &mut server)
                    .await
                    .ok();
            });
        }
    });

    address
}

/// PostgreSQL manual, 55.2.11: the client requests TLS, and a server without it answers `N`. A
/// client that continues in clear text sends its password.
#[tokio::test]
async fn a_server_without_tls_receives_nothing() {
    const ASKS_FOR_TLS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let port = listener.local_addr().expect("the port is bound").port();
    let (heard, mut received) = mpsc::unbounded_channel();

    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                let (mut first, mut more) = ([0; 8], Vec::new());
                client
                    .read_exact(&mut first)
                    .await
                    .expect("the client requests TLS");
                client.write_all(b"N").await.expect("the answer is sent");
                // A reset also ends the connection.
                client.read_to_end(&mut more).await.ok();
                heard.send((first, more)).ok();
            });
        }
    });

    let url = format!(
        "postgres://mainstay_server:canary-password@localhost:{port}/mainstay?sslmode=verify-full"
    );
    assert_eq!(readiness(&url).await, 503);

    let (first, more) = received.recv().await.expect("the service has connected");
    assert_eq!(first, ASKS_FOR_TLS);
    assert_eq!(more, Vec::<u8>::new(), "the client continued without TLS");

    while let Ok((first, more)) = received.try_recv() {
        assert_eq!((first, more), (ASKS_FOR_TLS, Vec::new()));
    }
}
