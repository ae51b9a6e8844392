//! Pages of modules for browsers, on paths without an endpoint.

use mainstay::http::{Content, Method, NOT_FOUND, Problem, WebPage};
use mainstay_testing::TestApp;

const POLICY: &str = "default-src 'none'; script-src 'self'; frame-ancestors 'none'";

fn greeting(query: &[(String, String)]) -> Result<Content, Problem> {
    let name = query
        .iter()
        .find(|(field, _)| field == "name")
        .map(|(_, name)| name.clone());
    let text = name.ok_or_else(|| NOT_FOUND.problem())?;
    Ok(Content {
        content_type: "text/plain; charset=utf-8",
        bytes: text.into(),
    })
}

#[tokio::test]
async fn a_file_is_cached_until_it_changes() {
    let page =
        WebPage::file("/about", "text/html; charset=utf-8", b"<!doctype html>").policy(POLICY);
    let app = TestApp::start(fixture::platform().page(page)).await;
    let answer = app.anonymous().get("/about").await;

    assert_eq!(answer.assert_status(200).text(), "<!doctype html>");

    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("content-security-policy", POLICY),
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }

    let again = app
        .anonymous()
        .request(Method::GET, "/about")
        .header("if-none-match", answer.header("etag"));
    assert_eq!(again.send().await.assert_status(304).text(), "");

    let head = app.anonymous().request(Method::HEAD, "/about").send().await;
    assert_eq!(
        (head.status.as_u16(), head.header("etag")),
        (200, answer.header("etag"))
    );

    let posted = app.anonymous().request(Method::POST, "/about").send().await;
    assert_eq!(
        posted
            .assert_problem(405, "method_not_allowed")
            .header("allow"),
        "GET, HEAD"
    );
    app.anonymous()
        .get("/about/")
        .await
        .assert_problem(404, "not_found");
}

#[tokio::test]
async fn a_generated_page_is_not_cached() {
    let app = TestApp::start(fixture::platform().page(WebPage::made("/greeting", greeting))).await;
    let answer = app.anonymous().get("/greeting?name=Ada%20L.&more=1").await;
    assert_eq!(answer.assert_status(200).text(), "Ada L.");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(
        answer.header("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'"
    );
    app.anonymous()
        .get("/greeting")
        .await
        .assert_problem(404, "not_found");
}

/// A page on an endpoint's path would bypass its policy.
#[test]
fn a_page_on_an_endpoints_path_is_refused_at_startup() {
    for path in ["/v1/customers", "/v1/customers/{id}", "/docs", "/livez"] {
        let platform = fixture::platform().page(WebPage::file(path, "text/plain", b""));
        assert!(platform.api().is_err(), "{path}");
    }
}

/// The `Accept` header of a browser that opens a page.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";

/// RFC 9110 §12.5.1: browsers get a page, programs a problem document, and caches keep them apart.
#[tokio::test]
async fn a_browser_gets_errors_as_pages() {
    let app = TestApp::start(fixture::platform()).await;
    let open = async |method: Method, path: &str, accept: &str| {
        app.anonymous()
            .request(method, path)
            .header("accept", accept)
            .send()
            .await
    };

    for (method, path, status) in [
        (Method::GET, "/nothing", 404),
        (Method::GET, "/account/nothing", 404),
        (Method::GET, "/docs/nothing.js", 404),
        (Method::GET, "/look/nothing.css", 404),
        (Method::POST, "/account/sign-in", 405),
        (Method::GET, "/dev/mail?id=x", 404),
        (Method::GET, "/dev/mail?id=%ff", 400),
    ] {
        let page = open(method.clone(), path, BROWSER).await;
        assert_eq!(
            page.assert_status(status).header("content-type"),
            "text/html; charset=utf-8",
            "{path}"
        );

        let text = page.text();
        assert!(
            text.starts_with("<!doctype html>") && text.contains(page.header("x-request-id")),
            "{path}: {text}"
        );
        assert!(
            !text.contains("<script") && !text.contains(" style="),
            "{path}: {text}"
        );
        assert!(
            page.header("content-security-policy")
                .starts_with("default-src 'none'; style-src 'self'"),
            "{path}"
        );
        assert_eq!(
            (page.header("vary"), page.header("cache-control")),
            ("accept", "no-store"),
            "{path}"
        );

        for program in [
            "*/*",
            "application/json",
            "application/problem+json, text/html",
        ] {
            let problem = open(method.clone(), path, program).await;
            assert_eq!(
                problem.assert_status(status).problem().status,
                status,
                "{path} for {program}"
            );
            assert_eq!(problem.header("vary"), "accept", "{path} for {program}");
        }
    }

    // The API always answers for programs.
    open(Method::GET, "/v1/me", BROWSER)
        .await
        .assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn common_addresses_redirect_to_a_page() {
    let app = TestApp::start(fixture::platform()).await;
    let welcome = app.anonymous().get("/").await;
    assert_eq!(
        welcome.assert_status(200).header("content-type"),
        "text/html; charset=utf-8"
    );

    for link in ["/account", "/docs", "/dev/mail"] {
        assert!(
            welcome.text().contains(&format!("href=\"{link}\"")),
            "{link}: {}",
            welcome.text()
        );
    }

    assert_eq!(
        app.anonymous()
            .get("/account")
            .await
            .assert_status(307)
            .location(),
        "/account/sign-in"
    );

    let icon = app.anonymous().get("/favicon.ico").await;
    assert_eq!(
        icon.assert_status(200).header("content-type"),
        "image/svg+xml"
    );
    assert_eq!(
        icon.header("cache-control"),
        "no-cache",
        "the file name does not change with its content"
    );
}

/// In production the page describes the service, without technical details.
#[tokio::test]
async fn the_welcome_page_is_plain_in_production() {
    let production = TestApp::builder(fixture::platform())
        .setting("environment", "production")
        .setting("http.public_url", "https://api.example")
        .setting("http.docs", "false")
        .setting("mail.smtp_url", "smtps://user:password@mail.example")
        .setting("mail.from", "Example <no-reply@example.org>")
        .start()
        .await;

    let welcome = production
        .anonymous()
        .get("/")
        .await
        .assert_status(200)
        .text();

    assert!(welcome.contains("href=\"/account\""), "{welcome}");

    for internal in ["/docs", "/dev/", "migration", env!("CARGO_PKG_VERSION")] {
        assert!(!welcome.contains(internal), "{internal}: {welcome}");
    }
}

/// An app's own page replaces the platform's.
#[tokio::test]
async fn an_app_may_have_its_own_welcome_page() {
    let page = WebPage::file("/", "text/html; charset=utf-8", b"<!doctype html>Mine");
    let app = TestApp::start(fixture::platform().page(page)).await;
    assert_eq!(
        app.anonymous().get("/").await.assert_status(200).text(),
        "<!doctype html>Mine"
    );
}

/// Browsers allow no passkeys on an IP address, so they are redirected to the host name; programs
/// are answered.
#[tokio::test]
async fn a_browser_at_an_ip_address_is_redirected_to_the_host_name() {
    let app = TestApp::start(fixture::platform()).await;
    let open = async |host: &str, path: &str, accept: &str| {
        app.anonymous()
            .request(Method::GET, path)
            .header("host", host)
            .header("accept", accept)
            .send()
            .await
    };

    for path in ["/", "/docs", "/account/sign-in?next=/docs", "/nothing"] {
        let moved = open("127.0.0.1:8000", path, BROWSER).await;
        assert_eq!(
            moved.assert_status(307).location(),
            format!("http://localhost:8000{path}")
        );
        assert_ne!(
            open("localhost:8000", path, BROWSER).await.status,
            307,
            "{path}"
        );
        assert_ne!(
            open("127.0.0.1:8000", path, "*/*").await.status,
            307,
            "{path}"
        );
    }

    open("127.0.0.1:8000", "/v1/me", BROWSER)
        .await
        .assert_problem(401, "unauthenticated");
}

/// Assets are named by their content and cached for ever; large ones are compressed with gzip where
/// the client accepts it.
#[tokio::test]
async fn assets_are_compressed_and_cached() {
    let app = TestApp::start(fixture::platform()).await;
    let get = async |path: &str, coding: &str| {
        app.anonymous()
            .request(Method::GET, path)
            .header("accept-encoding", coding)
            .send()
            .await
    };

    let mut loaded = 0;
    for page in ["/docs", "/account/sign-in", "/account/security", "/nothing"] {
        let html = app
            .anonymous()
            .request(Method::GET, page)
            .header("accept", BROWSER)
            .send()
            .await
            .text();

        let links = html
            .split("=\"/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());

        for path in links.filter(|path| {
            path.ends_with(".js") || path.ends_with(".css") || path.ends_with(".svg")
        }) {
            let file = get(&format!("/{path}"), "identity").await;
            assert_eq!(
                file.assert_status(200).header("cache-control"),
                "public, max-age=31536000, immutable",
                "{path}"
            );
            loaded += 1;
        }
    }

    assert!(loaded >= 15, "checked only {loaded} files");

    let docs = app.anonymous().get("/docs").await.text();
    let bundle = docs
        .split('"')
        .find(|link| link.contains("swagger-ui-bundle"))
        .expect("the page loads the file")
        .to_owned();

    for path in [bundle.as_str(), "/openapi.json"] {
        let (plain, gzip) = (
            get(path, "identity").await,
            get(path, "gzip, br;q=0.5").await,
        );
        assert_eq!(
            (
                plain.header("content-encoding"),
                gzip.header("content-encoding")
            ),
            ("", "gzip"),
            "{path}"
        );
        assert_eq!(
            (plain.header("vary"), gzip.header("vary")),
            ("accept-encoding", "accept-encoding"),
            "{path}"
        );
        assert!(
            gzip.body.starts_with(&[0x1f, 0x8b]) && gzip.body.len() * 3 < plain.body.len(),
            "{path}"
        );
        assert_ne!(
            plain.header("etag"),
            gzip.header("etag"),
            "{path}: RFC 9110 §8.8.3.3"
        );
        assert_eq!(
            plain.header("content-type"),
            gzip.header("content-type"),
            "{path}"
        );

        let again = app
            .anonymous()
            .request(Method::GET, path)
            .header("accept-encoding", "gzip");
        let again = again
            .header("if-none-match", gzip.header("etag"))
            .send()
            .await;

        assert_eq!(
            again.assert_status(304).header("etag"),
            gzip.header("etag"),
            "{path}"
        );
    }
}
