//! `/account/…` and `/oauth/authorize`: the pages to sign in, and the targets of mailed links.

use mainstay_http::Method;

use crate::start;

const PAGES: [&str; 9] = [
    "/oauth/authorize?client_id=docs&state=x",
    "/account/sign-in",
    "/account/sign-up",
    "/account/external?provider=acme&code=x&state=y",
    "/account/confirm",
    "/account/reset",
    "/account/forgot",
    "/account/email",
    "/account/invitation",
];

/// OWASP ASVS 3.4.3, 3.4.6, 3.4.8, 3.6.1: no inline code, no foreign content, no framing.
#[tokio::test]
async fn every_page_has_a_strict_policy() {
    let app = start().await;
    let anonymous = app.anonymous();
    for path in PAGES {
        let page = anonymous.get(path).await;
        page.assert_status(200);
        assert_eq!(
            page.header("content-type"),
            "text/html; charset=utf-8",
            "{path}"
        );

        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; "),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'none'"),
            "{path}: {policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{path}: {policy}"
        );
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");

        // The page does not contain its query.
        assert!(!page.text().contains("client_id=docs"), "{path}");

        for file in page
            .text()
            .split("=\"/account/")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
        {
            let loaded = anonymous.get(&format!("/account/{file}")).await;
            assert!(
                loaded.status == 200 && loaded.header("x-content-type-options") == "nosniff",
                "{path}: {file}"
            );
        }

        let posted = anonymous.request(Method::POST, path).send().await;
        posted.assert_problem(405, "method_not_allowed");
    }
}
