use std::convert::Infallible;

use axum::{Router, body::Body, extract::Request as HttpRequest, routing::get};
use http::{HeaderValue, Response, header};
use mainstay_telemetry::Telemetry;

use crate::{App, health::probe, pages::text, request::Reply};

/// Health and metrics, on a port of their own that no client reaches (OWASP ASVS 13.4.5).
pub(crate) fn router(app: &App, telemetry: Option<Telemetry>) -> Router {
    let prober = {
        let app = app.clone();
        move |request: HttpRequest| probed(app, request)
    };
    let app = app.clone();
    Router::new()
        .route("/livez", get(prober.clone()))
        .route("/readyz", get(prober))
        .route("/metrics", get(move || measured(app, telemetry)))
}

async fn probed(app: App, request: HttpRequest) -> Result<Reply, Infallible> {
    let id = app.database().runtime().new_id::<HttpRequest>().uuid();
    let answer = probe(request.uri().path(), app.readiness(), app.database()).await;
    Ok(answer.map_or_else(|problem| problem.into_reply(id), text))
}

async fn measured(app: App, telemetry: Option<Telemetry>) -> Reply {
    let (open, idle) = app.database().connections();
    metrics::gauge!("db_client_connections", "state" => "idle").set(idle as f64);
    metrics::gauge!("db_client_connections", "state" => "used").set(open.saturating_sub(idle) as f64);
    let text = telemetry.map(|telemetry| telemetry.render_metrics()).unwrap_or_default();
    let mut reply = Response::new(Body::from(text));
    let prometheus = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, prometheus);
    reply
}
