//! The frame around every request: an id, a span, a deadline, security headers, one line in the log, and one shape of
//! failure, even for a panic.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{FromRequestParts as _, RawPathParams, Request as HttpRequest},
};
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header, request::Parts};
use mainstay_database::{Origin, is_unsettled, noting_unsettled};
use mainstay_kernel::Uuid;
use mainstay_telemetry::parent_of;
use tracing::{Instrument as _, Span, field};

use crate::{
    App, INTERNAL, MALFORMED, METHOD_NOT_ALLOWED, NOT_FOUND, OUTCOME_UNKNOWN, Page, Problem,
    UNAVAILABLE,
    answer::not_shown,
    bodies::BodyLimit,
    failure::SHORTLY,
    hosts,
    input::has_bad_escape,
    kinds::NOT_SHOWN,
    negotiation::prefers_page,
    pages,
    request::{Reply, Request},
    router::{Api, Mounted, Resource},
};

/// The peer's address. The server adds it to each request's extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The operation name of everything that is not an endpoint.
const PAGE: &str = "page";

/// Answers a request whose path has endpoints.
pub(crate) async fn endpoint(app: App, resource: Arc<Resource>, request: HttpRequest) -> Reply {
    let found = resource.endpoint(request.method());
    let operation = found.map_or("unknown", |endpoint| endpoint.declaration.operation);
    let audience = if resource.speaks_oauth() {
        Audience::OauthClients
    } else {
        Audience::Programs
    };

    let route = Route {
        path: resource.path,
        operation,
        audience,
    };

    framed(&app, route, request, async |request| match found {
        Some(endpoint) => run(endpoint, request).await,
        None => Err(METHOD_NOT_ALLOWED.problem().allow(&resource.methods())),
    })
    .await
}

/// Answers a request for one of the platform's own pages.
pub(crate) async fn page(app: App, api: Api, path: &'static str, request: HttpRequest) -> Reply {
    let route = Route::for_people(path, PAGE);
    framed(&app, route, request, async |request| {
        pages::answer(&app, &api, &request.parts).await
    })
    .await
}

/// Answers a request for a page of a module.
pub(crate) async fn added_page(app: App, page: Page, request: HttpRequest) -> Reply {
    let route = Route::for_people(page.path(), PAGE);
    framed(&app, route, request, async |request| {
        pages::show(&page, &request.parts)
    })
    .await
}

/// Answers a request for an unknown path.
pub(crate) async fn unknown(app: App, request: HttpRequest) -> Reply {
    framed(
        &app,
        Route::for_people("unknown", "unknown"),
        request,
        async |_| Err(NOT_FOUND.problem()),
    )
    .await
}

/// Runs an endpoint. A problem that it does not declare becomes an internal error, so that the document stays true.
async fn run(endpoint: &Mounted, mut request: Request) -> Result<Reply, Problem> {
    request.body_limit = endpoint.body_limit(request.body_limit.bytes);
    let method = request.parts.method.clone();

    let outcome = (endpoint.declaration.call)(request)
        .await
        .map_err(|problem| problem.for_method(&method));

    match outcome {
        Err(problem) if problem.kind() == NOT_SHOWN => Ok(not_shown()),
        Err(problem) if !endpoint.problems.contains(&problem.kind()) => {
            let (operation, code) = (endpoint.declaration.operation, problem.kind().code);
            Err(INTERNAL.problem().caused_by(format!(
                "{operation} returned {code}, which it does not declare: add it to `problems(…)`; cause: {}",
                problem.cause().unwrap_or("none")
            )))
        }
        // The database crate, which opens cursors, does not know where the cursor came from.
        Err(problem) if endpoint.takes_body => Err(problem.with_cursor_in_body()),
        outcome => outcome,
    }
}

/// The route that a request matched.
#[derive(Clone, Copy)]
struct Route {
    /// The template of the path.
    path: &'static str,
    operation: &'static str,
    audience: Audience,
}

/// The recipients of an error, which determine its form.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Programs get a problem as JSON.
    Programs,
    /// OAuth clients get a problem with the members of OAuth 2.
    OauthClients,
    /// People with a browser get a page, programs a problem as JSON.
    People,
}

impl Route {
    const fn for_people(path: &'static str, operation: &'static str) -> Self {
        Self {
            path,
            operation,
            audience: Audience::People,
        }
    }
}

/// Writes the response to a request that was refused before it reached a route. `parts` is `None` if the head could not
/// be read.
pub(crate) fn refused(app: &App, parts: Option<&Parts>, problem: Problem) -> Reply {
    let request_id = app.database().runtime().new_id::<Request>().uuid();
    let described = Some((problem.kind().code, problem.cause().map(str::to_owned)));
    let mut reply = problem.into_reply(request_id);

    secure(reply.headers_mut(), request_id);

    if parts.is_none_or(|parts| parts.version < Version::HTTP_2) {
        reply
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }

    report(
        parts.map_or("_OTHER", label),
        ("unknown", "unknown"),
        &reply,
        described,
        Duration::ZERO,
    );

    reply
}

async fn framed<F>(
    app: &App,
    Route {
        path: route,
        operation,
        audience,
    }: Route,
    request: HttpRequest,
    answer: impl FnOnce(Request) -> F,
) -> Reply
where
    F: Future<Output = Result<Reply, Problem>>,
{
    let started = Instant::now();
    let request_id = app.database().runtime().new_id::<Request>().uuid();
    let (parts, body) = request.into_parts();
    let (method, verb) = (label(&parts), parts.method.clone());
    let at_browser = audience == Audience::People && prefers_page(&parts.headers);
    let span = span(method, route, request_id, &parts.headers);
    let _active = Active::new(method, route);

    // Boxed because each of the wrappers below would copy the future otherwise.
    let work = Box::pin(async {
        let request = prepare(app, operation, request_id, parts, body).await?;
        let public_url = app.settings().public_url.as_str();
        if let Some(location) = hosts::by_name(&request.parts, public_url).filter(|_| at_browser) {
            return pages::redirect(&location);
        }

        answer(request).await
    });

    let limited = noting_unsettled(limited(app.settings().deadline, &verb, work));
    let outcome = limited.instrument(span.clone()).await;
    let outcome = if audience == Audience::OauthClients {
        outcome.map_err(Problem::in_words_of_oauth)
    } else {
        outcome
    };

    let _entered = span.enter();
    let problem = outcome
        .as_ref()
        .err()
        .map(|problem| (problem.kind().code, problem.cause().map(str::to_owned)));
    let mut reply = outcome.unwrap_or_else(|problem| match at_browser {
        true => problem.into_page(request_id),
        false => problem.into_reply(request_id),
    });

    if audience == Audience::People && problem.is_some() {
        reply
            .headers_mut()
            .append(header::VARY, HeaderValue::from_name(header::ACCEPT));
    }

    secure(reply.headers_mut(), request_id);
    report(
        method,
        (route, operation),
        &reply,
        problem,
        started.elapsed(),
    );

    reply
}

/// Runs `work` until it ends, panics, or exceeds the deadline. A write that was in flight then may have happened.
async fn limited(
    deadline: Duration,
    method: &Method,
    work: Pin<Box<impl Future<Output = Result<Reply, Problem>>>>,
) -> Result<Reply, Problem> {
    match tokio::time::timeout(deadline, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(INTERNAL.problem().caused_by("panic")),
        Err(_) if is_unsettled() && !method.is_safe() => Err(OUTCOME_UNKNOWN
            .problem()
            .caused_by("deadline exceeded during a write")),
        Err(_) => Err(UNAVAILABLE
            .problem()
            .detail("The server did not answer in time. Try again later.")
            .retry_after(SHORTLY)
            .caused_by("deadline exceeded")),
    }
}

/// Checks the head of a request and reads its path.
async fn prepare(
    app: &App,
    operation: &'static str,
    request: Uuid,
    mut parts: Parts,
    body: Body,
) -> Result<Request, Problem> {
    if let Some(refused) = hosts::refusal(&parts, &app.settings().allowed_hosts) {
        return Err(refused);
    }

    let malformed = || {
        MALFORMED
            .problem()
            .detail("The path contains invalid UTF-8 or percent-encoding.")
    };

    let parameters = RawPathParams::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| malformed())?;
    let path: Vec<_> = parameters
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    if has_bad_escape(parts.uri.path()) {
        return Err(malformed());
    }

    let peer = parts.extensions.get::<Peer>().map(|Peer(peer)| peer.ip());
    let address = peer.map(|peer| app.settings().proxies().client(peer, &parts.headers));
    let origin = Origin {
        request,
        operation,
        address,
    };

    let body_limit = BodyLimit {
        bytes: app.settings().body_limit,
        is_public: true,
    };

    Ok(Request {
        app: app.clone(),
        parts,
        body: Some(body),
        path,
        origin,
        principal: None,
        body_limit,
        body_share: None,
    })
}

fn span(method: &'static str, route: &'static str, request_id: Uuid, headers: &HeaderMap) -> Span {
    let span = tracing::info_span!(
        "request",
        otel.name = field::Empty,
        otel.kind = "server",
        request_id = %request_id,
        http.request.method = method,
        http.route = route,
        trace_id = field::Empty,
    );

    if !span.is_disabled() {
        span.record("otel.name", format!("{method} {route}"));
    }

    if let Some(parent) = parent_of(|name| headers.get(name).and_then(|value| value.to_str().ok()))
    {
        span.record("trace_id", parent.trace_id());
        parent.adopt(&span);
    }

    span
}

/// Adds the request id and the security headers that are not set yet (OWASP Secure Headers; ASVS 3.4.1 to 3.4.6,
/// 14.3.2).
fn secure(headers: &mut HeaderMap, request_id: Uuid) {
    const DEFAULTS: [(HeaderName, &str); 6] = [
        (
            header::STRICT_TRANSPORT_SECURITY,
            "max-age=63072000; includeSubDomains",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];

    for (name, value) in DEFAULTS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }

    if let Ok(id) = HeaderValue::try_from(request_id.to_string()) {
        headers.insert("x-request-id", id);
    }
}

/// Logs and measures a request. The log has the template of the path, because a path or query may contain personal
/// data. Successful responses with pages and their files are logged at debug level.
fn report(
    method: &'static str,
    (route, operation): (&'static str, &'static str),
    reply: &Reply,
    problem: Option<(&'static str, Option<String>)>,
    took: Duration,
) {
    let status = reply.status().as_u16();
    let (code, cause) = problem.map_or((None, None), |(code, cause)| (Some(code), cause));
    let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);

    match status {
        500.. => tracing::error!(method, route, status, code, cause, microseconds, "answered"),
        ..400 if operation == PAGE => {
            tracing::debug!(method, route, status, microseconds, "answered")
        }
        _ => tracing::info!(method, route, status, code, cause, microseconds, "answered"),
    }

    metrics::histogram!(
        "http_server_request_duration_seconds",
        "http_request_method" => method,
        "http_route" => route,
        "http_response_status_code" => reply.status().as_str().to_owned(),
    )
    .record(took.as_secs_f64());
}

/// The method as a label for metrics: a registered one or `_OTHER`, because a client may send any token.
fn label(parts: &Parts) -> &'static str {
    match parts.method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

/// Counts a request as active until it is dropped, even if its client disconnects.
struct Active(metrics::Gauge);

impl Active {
    fn new(method: &'static str, route: &'static str) -> Self {
        let gauge = metrics::gauge!(
            "http_server_active_requests", "http_request_method" => method, "http_route" => route
        );
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
