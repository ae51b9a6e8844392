use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use http::{HeaderValue, Method, header};
use mainstay_telemetry::Telemetry;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{
    App, Settings,
    connections::{Beyond, Limits, serve},
    management,
    router::Api,
};

/// The API and the management port, bound and ready to run.
pub struct Server {
    app: App,
    api: Api,
    listener: TcpListener,
    management: TcpListener,
    tls: Option<TlsAcceptor>,
    telemetry: Option<Telemetry>,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, or not this machine's.
    #[error("cannot listen on {address}: {cause}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error("cannot serve TLS with {file}: {cause}")]
    Tls {
        /// The file.
        file: String,
        /// What is wrong with it.
        cause: String,
    },
}

impl Server {
    /// Binds both ports. Port 0 takes any free one.
    ///
    /// # Errors
    /// [`ServeError`] when a port or a certificate cannot be had.
    pub async fn bind(app: App, api: Api, telemetry: Option<Telemetry>) -> Result<Self, ServeError> {
        let settings = app.settings();
        let tls = settings.tls.as_ref().map(|(certificate, key)| acceptor(certificate, key)).transpose()?;
        let listener = bind(settings.bind).await?;
        let management = bind(settings.management).await?;
        Ok(Self { app, api, listener, management, tls, telemetry })
    }

    /// Where the API listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where health and metrics listen.
    ///
    /// # Errors
    /// What the system says.
    pub fn management_address(&self) -> io::Result<SocketAddr> {
        self.management.local_addr()
    }

    /// Serves until `shutdown`, then drains: readiness fails first, so that a balancer looks elsewhere; then nothing
    /// more is accepted, and what is under way finishes.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self { app, api, listener, management, tls, telemetry } = self;
        let settings = app.settings().clone();
        let (stop_api, api_stopped) = watch::channel(false);
        let (stop_management, management_stopped) = watch::channel(false);
        let mut router = api.router(&app);
        if let Some(cors) = cors(&settings) {
            router = router.layer(cors);
        }
        let limits = Limits {
            connections: settings.max_connections,
            beyond: Beyond::Waits { per_address: settings.max_connections_per_address },
            header_timeout: settings.header_timeout,
            write_timeout: settings.write_timeout,
            drain: settings.drain,
        };
        let api = tokio::spawn(serve(listener, (app.clone(), router), tls, limits, api_stopped));
        let management = tokio::spawn(management::serve_probes(management, app.clone(), telemetry, management_stopped));

        shutdown.await;
        app.readiness().drain();
        tokio::time::sleep(settings.readiness_grace).await;
        stop_api.send_replace(true);
        if api.await.is_err() {
            tracing::error!("the accept loop panicked");
        }
        stop_management.send_replace(true);
        if management.await.is_err() {
            tracing::error!("the management port's accept loop panicked");
        }
    }
}

pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|cause| ServeError::Bind { address, cause })
}

/// TLS 1.2 and 1.3 with AEAD suites: all that this build of rustls has (OWASP ASVS 12.1.1, 12.1.2).
fn acceptor(certificate: &Path, key: &Path) -> Result<TlsAcceptor, ServeError> {
    let wrong = |file: &Path, cause: String| ServeError::Tls { file: file.display().to_string(), cause };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(certificate, error.to_string()))?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| wrong(certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn cors(settings: &Settings) -> Option<CorsLayer> {
    if settings.cors_origins.is_empty() {
        return None;
    }
    let origins = if settings.cors_origins.contains(&HeaderValue::from_static("*")) {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(settings.cors_origins.iter().cloned())
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH])
        .expose_headers([header::ETAG, header::LOCATION, header::RETRY_AFTER, "x-request-id".parse().ok()?])
        .max_age(Duration::from_secs(600));
    Some(layer)
}
