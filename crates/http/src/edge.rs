//! Handlers for each kind of path: endpoints, pages, and unknown paths. All of them run within a
//! frame (`frame.rs`).

use std::sync::Arc;

use axum::extract::Request as HttpRequest;

use crate::{
    Api, App, INTERNAL, METHOD_NOT_ALLOWED, NOT_FOUND, Problem, WebPage,
    answer::not_shown,
    api::{Mounted, Resource},
    frame::{Audience, Route, framed},
    pages,
    problem_kinds::NOT_SHOWN,
    reply::Reply,
    request::Request,
    request_log::PAGE,
};

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
pub(crate) async fn added_page(app: App, page: WebPage, request: HttpRequest) -> Reply {
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

/// Runs an endpoint. A problem that it does not declare becomes an internal error, so that the
/// document stays true.
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
