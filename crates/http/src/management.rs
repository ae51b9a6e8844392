//! The management port: health probes and metrics, not reachable for clients.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use axum::{Router, body::Body, extract::Request as HttpRequest, routing::get};
use http::{HeaderValue, Response, header};
use mainstay_telemetry::Telemetry;
use tokio::{net::TcpListener, sync::watch};

use crate::{
    App, ServeError,
    connections::{Beyond, Limits, serve},
    health::probe,
    listener::bind,
    pages::text,
    reply::Reply,
};

/// Number of concurrent connections. A new connection replaces the oldest, so that a probe never
/// waits for idle ones.
const CONNECTIONS: usize = 128;
/// How long a connection may be idle, and how long a head may take to arrive. Probes time out
/// sooner.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);

/// A server of only the management port, for a process without an API.
pub struct Management {
    app: App,
    listener: TcpListener,
    telemetry: Option<Telemetry>,
}

impl Management {
    /// Binds the port. Port 0 takes any free one.
    ///
    /// # Errors
    /// [`ServeError`] if the port cannot be bound.
    pub async fn bind(app: App, telemetry: Option<Telemetry>) -> Result<Self, ServeError> {
        let listener = bind(app.settings().management).await?;

        Ok(Self {
            app,
            listener,
            telemetry,
        })
    }

    /// Address and port of the health probes and metrics.
    ///
    /// # Errors
    /// Returns the error of the operating system.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `work` ends.
    pub async fn run(self, work: impl Future<Output = ()>) {
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(serve_probes(
            self.listener,
            self.app,
            self.telemetry,
            stopped,
        ));

        work.await;
        stop.send_replace(true);

        if serving.await.is_err() {
            tracing::error!("accept loop of the management port panicked");
        }
    }
}

/// Serves health probes and metrics until `stopped` is true.
pub(crate) async fn serve_probes(
    listener: TcpListener,
    app: App,
    telemetry: Option<Telemetry>,
    stopped: watch::Receiver<bool>,
) {
    let settings = app.settings();
    let limits = Limits {
        port: "management",
        connections: CONNECTIONS,
        beyond: Beyond::ReplacesOldest,
        header_timeout: settings.header_timeout.min(HEADER_TIMEOUT),
        write_timeout: settings.write_timeout,
        drain: Duration::from_secs(1),
    };
    let router = router(&app, telemetry);

    serve(listener, (app, router), None, limits, stopped).await;
}

/// The router of the management port, which must not be reachable for clients (OWASP ASVS 13.4.5).
fn router(app: &App, telemetry: Option<Telemetry>) -> Router {
    let health = {
        let app = app.clone();
        move |request: HttpRequest| answer_probe(app, request)
    };
    let app = app.clone();

    Router::new()
        .route("/livez", get(health.clone()))
        .route("/readyz", get(health))
        .route("/metrics", get(move || render_metrics(app, telemetry)))
}

async fn answer_probe(app: App, request: HttpRequest) -> Result<Reply, Infallible> {
    let id = app.database().runtime().new_id::<HttpRequest>().uuid();
    let answer = probe(request.uri().path(), app.readiness(), app.database()).await;

    Ok(answer.map_or_else(|problem| problem.into_reply(id), text))
}

async fn render_metrics(app: App, telemetry: Option<Telemetry>) -> Reply {
    app.measure();
    let text = telemetry
        .map(|telemetry| telemetry.render_metrics())
        .unwrap_or_default();

    let mut reply = Response::new(Body::from(text));
    let prometheus = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, prometheus);
    reply
}
