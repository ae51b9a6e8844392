//! Signals that do not end a process: SIGHUP reloads the certificate, SIGUSR1 and SIGUSR2 change
//! the log level.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use mainstay_testing::TestApp;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, UnixTime},
    },
};

use crate::{
    http::Reply,
    program::{Serving, beside, eventually, program},
};

/// The files of a certificate and its key.
pub struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Pair {
    pub fn new(folder: &Path) -> Self {
        Self {
            certificate: folder.join("certificate.pem"),
            key: folder.join("key.pem"),
        }
    }

    /// Writes a new pair, valid between two years, and returns its certificate.
    pub fn write(&self, from: i32, until: i32) -> Vec<u8> {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()])
            .expect("the server name is valid");
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = rcgen::KeyPair::generate().expect("a key is made");
        let certificate = parameters
            .self_signed(&key)
            .expect("the certificate is generated");
        std::fs::write(&self.key, key.serialize_pem()).expect("the write succeeds");
        std::fs::write(&self.certificate, certificate.pem()).expect("the write succeeds");
        certificate.der().to_vec()
    }

    pub fn environment(&self) -> [(&'static str, String); 2] {
        [
            (
                "MAINSTAY_HTTP_TLS_CERTIFICATE",
                self.certificate.display().to_string(),
            ),
            ("MAINSTAY_HTTP_TLS_KEY", self.key.display().to_string()),
        ]
    }

    /// Sends a request on a new connection, and accepts any certificate.
    pub async fn get(&self, api: SocketAddr, path: &str) -> Reply {
        get(&mut connect(api).await, path).await
    }
}

/// Accepts any certificate; the test checks which one it is.
#[derive(Debug)]
struct Any;

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

async fn connect(api: SocketAddr) -> TlsStream<TcpStream> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider supports these versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any))
        .with_no_client_auth();

    let stream = TcpStream::connect(api)
        .await
        .expect("the server accepts the connection");
    let name = ServerName::try_from("localhost").expect("the server name is valid");

    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .expect("the TLS handshake succeeds")
}

/// The certificate of the server.
async fn shown(api: SocketAddr) -> Vec<u8> {
    let stream = connect(api).await;
    let chain = stream
        .get_ref()
        .1
        .peer_certificates()
        .expect("the server sends a certificate");
    chain[0].to_vec()
}

/// Sends a request on an open connection.
async fn get(stream: &mut TlsStream<TcpStream>, path: &str) -> Reply {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the request is sent");

    let mut bytes = Vec::new();
    while !String::from_utf8_lossy(&bytes).contains("\r\n\r\n") {
        let read = stream
            .read_buf(&mut bytes)
            .await
            .expect("the server answers");
        assert!(read > 0, "the server closed the connection");
    }

    Reply::of(&bytes)
}

/// Starts a process that shows this certificate.
async fn serve(pair: &Pair) -> (TestApp, Serving) {
    let (app, mut environment) = beside(TestApp::builder(fixture::platform())).await;
    environment.extend(pair.environment());
    (app, Serving::start(program(["serve"]).envs(environment)))
}

fn until_log(serving: &Serving, says: &str) {
    tokio::task::block_in_place(|| {
        eventually(says, || serving.log().contains(says).then_some(()));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn sighup_reloads_the_certificate_and_drops_no_connection() {
    let folder = tempfile::tempdir().expect("the temporary file is created");
    let pair = Pair::new(folder.path());
    let first = pair.write(2020, 2090);
    let (_app, mut serving) = serve(&pair).await;
    let (api, _) = serving.addresses();
    let mut open = connect(api).await;

    assert_eq!(
        (
            get(&mut open, "/livez").await.status,
            shown(api).await == first
        ),
        (200, true)
    );

    let second = pair.write(2020, 2091);
    serving.signal("HUP");
    until_log(&serving, "certificate reloaded");

    assert!(
        shown(api).await == second,
        "the new certificate is not served"
    );
    assert_eq!(
        get(&mut open, "/livez").await.status,
        200,
        "the open connection still works"
    );

    for (from, until, why) in [
        (2020, 2025, "it expired at 2025-01-01"),
        (2090, 2095, "it is not valid before 2090"),
    ] {
        pair.write(from, until);
        serving.signal("HUP");
        until_log(&serving, why);
        assert!(
            shown(api).await == second,
            "the refused certificate is served: {why}"
        );
    }

    std::fs::write(&pair.key, "no key").expect("the write succeeds");
    serving.signal("HUP");
    until_log(&serving, "key.pem");

    assert!(shown(api).await == second && serving.is_running());
    assert!(
        serving
            .log()
            .contains("new certificate refused; the old one stays in use")
    );

    assert_eq!(get(&mut open, "/livez").await.status, 200);

    serving.signal("TERM");
    assert_eq!(serving.exit_code(), Some(0));
}

/// The log reports it at the start, and so does the metric: clients refuse such a certificate.
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_reported() {
    let folder = tempfile::tempdir().expect("the temporary file is created");
    let pair = Pair::new(folder.path());
    pair.write(2020, 2025);
    let (_app, serving) = serve(&pair).await;
    until_log(&serving, "certificate has expired");

    // After a renewal on disk, it is served without a signal.
    pair.write(2020, 2090);
    until_log(&serving, "certificate reloaded");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_of_the_log_changes_while_the_process_runs() {
    let (_app, mut environment) =
        beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
    environment.push(("MAINSTAY_MAIL_SMTP_URL", "smtp://127.0.0.1:1".to_owned()));
    environment.push(("MAINSTAY_MAIL_FROM", "service@example.org".to_owned()));

    for command in ["serve", "worker"] {
        let mut process = Serving::start(program([command]).envs(environment.clone()));
        process.management();

        let is_debugged = |log: &str| log.contains(r#""level":"DEBUG""#);
        assert!(!is_debugged(&process.log()));

        process.signal("USR1");
        until_log(&process, "as set, and the platform at debug");

        // Upkeep runs every ten seconds and logs it.
        tokio::task::block_in_place(|| {
            eventually("a line at DEBUG", || {
                is_debugged(&process.log()).then_some(())
            });
        });

        process.signal("USR2");
        process.signal("HUP");
        until_log(
            &process,
            "SIGHUP ignored: this process serves no certificate",
        );
        process.signal("USR2");
        until_log(&process, "warnings only");
        process.signal("TERM");

        assert_eq!(process.exit_code(), Some(0), "{command}: {}", process.log());
        assert!(
            !process.log().contains(r#""message":"stopped""#),
            "the level is set to warnings only"
        );
    }
}
