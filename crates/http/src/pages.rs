//! Everything that is served besides endpoints: the probes, the API document, the docs page, the
//! look and the pages of modules. None of it reads a body, has a caller or reads data.

use axum::body::Body;
use http::{HeaderValue, Method, Response, StatusCode, header, request::Parts};

use crate::{
    Api, App, MALFORMED, METHOD_NOT_ALLOWED, NOT_FOUND, Problem, WebPage,
    asset::Representations,
    docs_page,
    health::probe,
    input::has_bad_escape,
    look,
    page::{Content, Source},
    reply::Reply,
};

pub(crate) async fn answer(app: &App, api: &Api, request: &Parts) -> Result<Reply, Problem> {
    only_read(request)?;

    let path = request.uri.path();
    match path {
        "/livez" | "/readyz" => probe(path, app.readiness(), app.database()).await.map(text),
        "/openapi.json" => Ok(api.document_file().answer(request)),
        _ if path.starts_with("/look/") => look(path, request),
        _ if app.settings().docs => docs(path, request),
        _ => Err(NOT_FOUND.problem()),
    }
}

/// Answers with a page of a module.
pub(crate) fn show(page: &WebPage, request: &Parts) -> Result<Reply, Problem> {
    only_read(request)?;

    let mut reply = match &page.source {
        Source::File(file) => file.answer(request),
        Source::Made(make) => made(make(&fields(request)?)?),
        Source::Redirect(to) => redirect(to)?,
    };

    if let Some(policy) = page.content_security_policy() {
        reply.headers_mut().insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        );
    }

    Ok(reply)
}

/// Redirects temporarily (RFC 9110 §15.4.8).
pub(crate) fn redirect(to: &str) -> Result<Reply, Problem> {
    let location = HeaderValue::try_from(to).map_err(|_| NOT_FOUND.problem())?;
    let mut reply = Response::new(Body::empty());
    *reply.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    reply.headers_mut().insert(header::LOCATION, location);
    Ok(reply)
}

fn made(
    Content {
        content_type,
        bytes,
    }: Content,
) -> Reply {
    let mut reply = Response::new(Body::from(bytes));
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

fn fields(request: &Parts) -> Result<Vec<(String, String)>, Problem> {
    let query = request.uri.query().unwrap_or_default();
    if has_bad_escape(query) {
        return Err(MALFORMED
            .problem()
            .detail("The query contains an invalid percent-encoding."));
    }
    Ok(form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect())
}

fn only_read(request: &Parts) -> Result<(), Problem> {
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    if reads {
        Ok(())
    } else {
        Err(METHOD_NOT_ALLOWED.problem().allow("GET, HEAD"))
    }
}

fn look(path: &str, request: &Parts) -> Result<Reply, Problem> {
    let file = look::FILES
        .iter()
        .find(|file| file.path == path)
        .or_else(|| look::named(path));
    let file = file.ok_or_else(|| NOT_FOUND.problem())?;

    Ok(Representations::under(path, file).answer(request))
}

fn docs(path: &str, request: &Parts) -> Result<Reply, Problem> {
    let asset = docs_page::asset(path).ok_or_else(|| NOT_FOUND.problem())?;

    let mut reply = Representations::under(asset.path, asset).answer(request);
    let policy = HeaderValue::from_static(docs_page::CONTENT_SECURITY_POLICY);
    reply
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);

    Ok(reply)
}

pub(crate) fn text(text: String) -> Reply {
    let mut reply = Response::new(Body::from(text));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, plain);
    reply
}
