//! The frame around every request: an id, a span, a deadline, security headers, one line in the
//! log, and one shape of failure, even for a panic.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{FromRequestParts as _, RawPathParams, Request as HttpRequest},
};
use futures_util::FutureExt as _;
use http::{HeaderValue, Method, Version, header, request::Parts};
use mainstay_database::{Origin, is_unsettled, noting_unsettled};
use mainstay_kernel::Uuid;
use tracing::Instrument as _;

use crate::{
    App, INTERNAL, MALFORMED, OUTCOME_UNKNOWN, Problem, UNAVAILABLE,
    bodies::BodyLimit,
    failure::SHORTLY,
    hosts,
    input::has_bad_escape,
    negotiation::prefers_page,
    pages,
    reply::Reply,
    request::Request,
    request_log::{Active, label, report, span},
    security_headers::secure,
};

/// The peer's address. The server adds it to each request's extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// The route that a request matched.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    /// The template of the path.
    pub(crate) path: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) audience: Audience,
}

/// The recipients of an error, which determine its form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// Programs get a problem as JSON.
    Programs,
    /// OAuth clients get a problem with the members of OAuth 2.
    OauthClients,
    /// People with a browser get a page, programs a problem as JSON.
    People,
}

impl Route {
    pub(crate) const fn for_people(path: &'static str, operation: &'static str) -> Self {
        Self {
            path,
            operation,
            audience: Audience::People,
        }
    }
}

/// Writes the response to a request that was refused before it reached a route. `parts` is `None`
/// if the head could not be read.
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

/// Answers a request within its frame.
pub(crate) async fn framed<F>(
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
    let (method_label, method) = (label(&parts), parts.method.clone());
    let at_browser = audience == Audience::People && prefers_page(&parts.headers);
    let span = span(method_label, route, request_id, &parts.headers);
    let _active = Active::new(method_label, route);

    // Boxed because each of the wrappers below would copy the future otherwise.
    let work = Box::pin(async {
        let request = prepare(app, operation, request_id, parts, body).await?;
        let public_url = app.settings().public_url.as_str();
        if let Some(location) = hosts::by_name(&request.parts, public_url).filter(|_| at_browser) {
            return pages::redirect(&location);
        }

        answer(request).await
    });

    let limited = noting_unsettled(limited(app.settings().deadline, &method, work));
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
        method_label,
        (route, operation),
        &reply,
        problem,
        started.elapsed(),
    );

    reply
}

/// Runs `work` until it ends, panics, or exceeds the deadline. A write that was in flight then may
/// have happened.
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
