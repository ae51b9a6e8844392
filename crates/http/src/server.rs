//! The server of the API: its ports, its certificate, and how it stops.

use std::{io, net::SocketAddr, time::Duration};

use http::{HeaderValue, Method, header};
use mainstay_telemetry::Telemetry;
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{
    Api, App, Certificate, ServeError, Settings,
    connections::{Beyond, Limits, serve},
    listener::bind,
    management,
    router::router,
};

/// The API and the management port, bound and ready to run.
pub struct Server {
    app: App,
    api: Api,
    listener: TcpListener,
    management: TcpListener,
    certificate: Option<Certificate>,
    tls: Option<TlsAcceptor>,
    telemetry: Option<Telemetry>,
}

impl Server {
    /// Binds both ports. Port 0 takes any free one.
    ///
    /// # Errors
    /// [`ServeError`] if a port cannot be bound or the certificate cannot be used.
    pub async fn bind(
        app: App,
        api: Api,
        telemetry: Option<Telemetry>,
    ) -> Result<Self, ServeError> {
        let settings = app.settings();
        let files = settings.tls.as_ref();
        let certificate = files
            .map(|(certificate, key)| Certificate::read(certificate, key))
            .transpose()?;
        let tls = certificate
            .as_ref()
            .map(Certificate::acceptor)
            .transpose()?;

        let listener = bind(settings.bind).await?;
        let management = bind(settings.management).await?;

        Ok(Self {
            app,
            api,
            listener,
            management,
            certificate,
            tls,
            telemetry,
        })
    }

    /// Address and port of the API.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Address and port of the health probes and metrics.
    ///
    /// # Errors
    /// What the system says.
    pub fn management_address(&self) -> io::Result<SocketAddr> {
        self.management.local_addr()
    }

    /// The API's certificate; `None` if a proxy terminates TLS.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Serves until `shutdown`, then drains: first readiness fails, so that load balancers stop
    /// sending requests; then no more connections are accepted, and requests in flight finish.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let Self {
            app,
            api,
            listener,
            management,
            tls,
            telemetry,
            ..
        } = self;

        let settings = app.settings().clone();
        let (stop_api, api_stopped) = watch::channel(false);
        let (stop_management, management_stopped) = watch::channel(false);

        let mut router = router(&api, &app);

        if let Some(cors) = cors(&settings) {
            router = router.layer(cors);
        }

        let limits = Limits {
            port: "api",
            connections: settings.max_connections,
            beyond: Beyond::Waits {
                per_address: settings.max_connections_per_address,
            },
            header_timeout: settings.header_timeout,
            write_timeout: settings.write_timeout,
            drain: settings.drain,
        };

        let api = tokio::spawn(serve(
            listener,
            (app.clone(), router),
            tls,
            limits,
            api_stopped,
        ));

        let management = tokio::spawn(management::serve_probes(
            management,
            app.clone(),
            telemetry,
            management_stopped,
        ));

        shutdown.await;
        app.readiness().drain();
        tokio::time::sleep(settings.readiness_grace).await;
        stop_api.send_replace(true);

        if api.await.is_err() {
            tracing::error!("accept loop panicked");
        }

        stop_management.send_replace(true);

        if management.await.is_err() {
            tracing::error!("accept loop of the management port panicked");
        }
    }
}

fn cors(settings: &Settings) -> Option<CorsLayer> {
    if settings.cors_origins.is_empty() {
        return None;
    }

    let origins = if settings
        .cors_origins
        .contains(&HeaderValue::from_static("*"))
    {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(settings.cors_origins.iter().cloned())
    };

    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            "x-request-id".parse().ok()?,
        ])
        .max_age(Duration::from_secs(600));

    Some(layer)
}
