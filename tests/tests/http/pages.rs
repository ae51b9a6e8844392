//! Pages beside the API: what a module shows to a browser, on paths that no endpoint has.

use mainstay::http::{Content, Method, NOT_FOUND, Page, Problem};
use mainstay_testing::TestApp;

const POLICY: &str = "default-src 'none'; script-src 'self'; frame-ancestors 'none'";

fn greeting(query: &[(String, String)]) -> Result<Content, Problem> {
    let name = query.iter().find(|(field, _)| field == "name").map(|(_, name)| name.clone());
    let text = name.ok_or_else(|| NOT_FOUND.problem())?;
    Ok(Content { content_type: "text/plain; charset=utf-8", bytes: text.into() })
}

#[tokio::test]
async fn a_file_is_kept_by_clients_until_it_changes() {
    let page = Page::file("/account", "text/html; charset=utf-8", b"<!doctype html>").policy(POLICY);
    let app = TestApp::start(app::platform().page(page)).await;
    let answer = app.anonymous().get("/account").await;
    assert_eq!(answer.assert_status(200).text(), "<!doctype html>");
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let again = app.anonymous().request(Method::GET, "/account").header("if-none-match", answer.header("etag"));
    assert_eq!(again.send().await.assert_status(304).text(), "");
    let head = app.anonymous().request(Method::HEAD, "/account").send().await;
    assert_eq!((head.status.as_u16(), head.header("etag")), (200, answer.header("etag")));
    let posted = app.anonymous().request(Method::POST, "/account").send().await;
    assert_eq!(posted.assert_problem(405, "method_not_allowed").header("allow"), "GET, HEAD");
    app.anonymous().get("/account/").await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn what_is_made_for_a_request_is_kept_by_nobody() {
    let app = TestApp::start(app::platform().page(Page::made("/greeting", greeting))).await;
    let answer = app.anonymous().get("/greeting?name=Ada%20L.&more=1").await;
    assert_eq!(answer.assert_status(200).text(), "Ada L.");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
    app.anonymous().get("/greeting").await.assert_problem(404, "not_found");
}

/// A page that took an endpoint's path would take its policy away.
#[test]
fn a_page_in_the_way_of_an_endpoint_does_not_start() {
    for path in ["/v1/customers", "/v1/customers/{id}", "/docs", "/livez"] {
        let platform = app::platform().page(Page::file(path, "text/plain", b""));
        assert!(platform.api().is_err(), "{path}");
    }
}
