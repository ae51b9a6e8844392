//! The router, from paths to endpoints and pages. It is private to this crate, so that no other
//! router can be merged into it.

use axum::{Router, extract::Request as HttpRequest, routing::any};

use crate::{Api, App, api_check::PATHS, edge};

/// Creates the router. It is not public, so no other router can be merged into it.
pub(crate) fn router(api: &Api, app: &App) -> Router {
    let mut router = Router::new();
    for resource in api.resources() {
        let (app, path, resource) = (app.clone(), resource.path, resource.clone());
        router = router.route(
            path,
            any(move |request: HttpRequest| edge::endpoint(app, resource, request)),
        );
    }

    for path in PATHS {
        let (app, api) = (app.clone(), api.clone());
        router = router.route(
            path,
            any(move |request: HttpRequest| edge::page(app, api, path, request)),
        );
    }

    for page in api.pages() {
        let (app, page) = (app.clone(), page.clone());
        router = router.route(
            page.path(),
            any(move |request: HttpRequest| edge::added_page(app, page, request)),
        );
    }

    let app = app.clone();
    router.fallback(move |request: HttpRequest| edge::unknown(app, request))
}
