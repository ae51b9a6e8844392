//! What is served beside the endpoints: the probes, the document, the docs page and the pages of modules. None of it
//! reads a body, knows a caller or touches data.

use axum::body::Body;
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};

use crate::{
    App, MALFORMED, METHOD_NOT_ALLOWED, NOT_FOUND, Page, Problem,
    conditions::is_known,
    docs_page,
    health::probe,
    input::has_bad_escape,
    page::{Content, Source},
    request::Reply,
    router::Api,
};

/// The paths of this room, as the router knows them.
pub(crate) const PATHS: [&str; 5] = ["/livez", "/readyz", "/openapi.json", "/docs", "/docs/{file}"];

pub(crate) async fn answer(app: &App, api: &Api, request: &Parts) -> Result<Reply, Problem> {
    only_read(request)?;
    let path = request.uri.path();
    match path {
        "/livez" | "/readyz" => probe(path, app.readiness(), app.database()).await.map(text),
        "/openapi.json" => Ok(file("application/json", api.document_bytes(), api.document_tag(), request)),
        _ if app.settings().docs => docs(path, request),
        _ => Err(NOT_FOUND.problem()),
    }
}

/// Answers with a page that was mounted.
pub(crate) fn show(page: &Page, request: &Parts) -> Result<Reply, Problem> {
    only_read(request)?;
    let mut reply = match &page.source {
        Source::File { content, tag } => file(content.content_type, content.bytes.clone(), tag, request),
        Source::Made(make) => {
            let query = request.uri.query().unwrap_or_default();
            if has_bad_escape(query) {
                return Err(MALFORMED.problem().detail("The query holds a percent-encoding that is no text."));
            }
            let fields: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            let Content { content_type, bytes } = make(&fields)?;
            let mut reply = Response::new(Body::from(bytes));
            reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            reply
        }
    };
    if let Some(policy) = page.content_security_policy() {
        reply.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    }
    Ok(reply)
}

fn only_read(request: &Parts) -> Result<(), Problem> {
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    if reads { Ok(()) } else { Err(METHOD_NOT_ALLOWED.problem().allow("GET, HEAD")) }
}

fn docs(path: &str, request: &Parts) -> Result<Reply, Problem> {
    let name = path.strip_prefix("/docs/").unwrap_or("index.html");
    let asset = docs_page::asset(name).ok_or_else(|| NOT_FOUND.problem())?;
    let mut reply = file(asset.content_type, asset.bytes, &asset.etag, request);
    let policy = HeaderValue::from_static(docs_page::CONTENT_SECURITY_POLICY);
    reply.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(reply)
}

/// A file that changes with the build alone: a client asks again, and gets 304 as long as it is the same.
fn file(content_type: &'static str, bytes: bytes::Bytes, tag: &str, request: &Parts) -> Reply {
    let known = is_known(&request.headers, tag);
    let mut reply = Response::new(if known { Body::empty() } else { Body::from(bytes) });
    if known {
        *reply.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    reply
}

pub(crate) fn text(text: &'static str) -> Reply {
    let mut reply = Response::new(Body::from(text));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, plain);
    reply
}
