//! A replica that terminates TLS itself, and HTTP/2 connections that are driven frame by frame.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use mainstay_http::Method;
use mainstay_testing::{Replica, TestApp};
use tempfile::TempDir;
use tokio::{net::TcpStream, task::JoinHandle};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName},
};

/// The replica. It stops when this value is dropped.
pub struct Https {
    replica: Replica,
    config: Arc<ClientConfig>,
    _files: TempDir,
}

/// An HTTP/2 connection.
pub struct Http2 {
    pub requests: SendRequest<Bytes>,
    /// Drives the connection.
    pub ended: JoinHandle<Result<(), h2::Error>>,
}

impl Https {
    /// Starts a replica of `app` with its own certificate and these settings.
    pub async fn start(app: &TestApp, settings: &[(&'static str, &str)]) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .expect("the certificate is generated");
        let files = tempfile::tempdir().expect("the temporary directory is created");
        let (certificate, key) = (
            files.path().join("certificate.pem"),
            files.path().join("key.pem"),
        );

        std::fs::write(&certificate, certified.cert.pem()).expect("the file is written");
        std::fs::write(&key, certified.signing_key.serialize_pem()).expect("the file is written");

        let path = |file: &std::path::Path| file.display().to_string();
        let tls = [
            ("http.tls_certificate", path(&certificate)),
            ("http.tls_key", path(&key)),
        ];
        let chosen = settings
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));

        let replica = app.second_replica_with(tls.into_iter().chain(chosen)).await;

        let mut roots = RootCertStore::empty();
        roots
            .add(certified.cert.der().clone())
            .expect("the certificate is valid");

        let mut config =
            ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("the provider supports these versions")
                .with_root_certificates(roots)
                .with_no_client_auth();

        config.alpn_protocols = vec![b"h2".to_vec()];

        Self {
            replica,
            config: Arc::new(config),
            _files: files,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.replica.address()
    }

    /// Connects with a receive window of `window` bytes per stream.
    pub async fn connect(&self, window: u32) -> Http2 {
        let (requests, connection) = Builder::new()
            .initial_window_size(window)
            .handshake(self.connect_tls().await)
            .await
            .expect("both speak HTTP/2");
        Http2 {
            requests,
            ended: tokio::spawn(connection),
        }
    }

    async fn connect_tls(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address())
            .await
            .expect("the server accepts the connection");
        let name = ServerName::try_from("localhost").expect("the server name is valid");
        TlsConnector::from(self.config.clone())
            .connect(name, stream)
            .await
            .expect("the TLS handshake succeeds")
    }
}

impl Http2 {
    /// Sends a request without a body, and returns its pending response.
    pub async fn get(&mut self, path: &str) -> h2::client::ResponseFuture {
        let request = self.request(Method::GET, path);
        self.ready()
            .await
            .send_request(request, true)
            .expect("the connection is open")
            .0
    }

    /// Sends a request with the first part of its body.
    pub async fn begin(
        &mut self,
        path: &str,
        body: Bytes,
    ) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
        let request = self.request(Method::POST, path);
        let (answer, mut sending) = self
            .ready()
            .await
            .send_request(request, false)
            .expect("the connection is open");
        // A stream that was refused meanwhile accepts no data.
        sending.send_data(body, false).ok();
        (answer, sending)
    }

    fn request(&self, method: Method, path: &str) -> ::http::Request<()> {
        let uri = format!("https://localhost{path}");
        let request = ::http::Request::builder()
            .version(::http::Version::HTTP_2)
            .method(method)
            .uri(uri);
        request
            .header("content-type", "application/json")
            .body(())
            .expect("the request is valid")
    }

    async fn ready(&mut self) -> SendRequest<Bytes> {
        self.requests
            .clone()
            .ready()
            .await
            .expect("the connection is open")
    }
}
