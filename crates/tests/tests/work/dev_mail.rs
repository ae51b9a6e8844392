//! `/dev/mail` shows a developer the mail that the service would have sent, in development only.

use mainstay::http::Method;
use mainstay_testing::TestApp;

use crate::{
    delivery::sending_to,
    queue::{queue, queue_mail, sql},
    smtp_server::{SmtpServer, Tls},
};

#[tokio::test]
async fn a_developer_sees_the_mail() {
    let app = TestApp::start(fixture::platform()).await;
    app.anonymous().get("/dev/mail").await.assert_status(200);

    queue_mail(app.database(), "ada@example.org").await;
    let message = app.mail_to("ada@example.org").await;
    assert_eq!(
        (message.subject.as_str(), message.link_token().as_str()),
        ("A test", "canary-token")
    );

    // Each call returns a new e-mail.
    queue_mail(app.database(), "ada@example.org").await;

    let second = app.mail_to("ada@example.org").await;
    assert_ne!(second.id, message.id);

    let all: Vec<_> = app.mailbox().await.into_iter().map(|it| it.id).collect();
    assert_eq!(all, [second.id, message.id], "newest first");

    let json = app.anonymous().get("/dev/mail?format=json").await;
    assert_eq!(json.header("content-type"), "application/json");
    assert_eq!(json.json()[1]["id"], message.id.to_string());

    let page = app
        .anonymous()
        .get(&format!("/dev/mail?id={}", message.id))
        .await;
    let text = page.assert_status(200).text();
    let policy = page.header("content-security-policy");

    assert!(
        policy.starts_with("default-src 'none'; style-src 'self' 'sha256-")
            && !policy.contains("unsafe"),
        "{policy}"
    );
    assert!(
        !text.contains(" style=") && !text.contains("<style>"),
        "{text}"
    );
    assert_eq!(
        app.anonymous()
            .get("/dev/mail.css")
            .await
            .assert_status(200)
            .header("content-type"),
        "text/css; charset=utf-8"
    );

    assert_eq!(
        (
            page.header("cache-control"),
            page.header("x-content-type-options")
        ),
        ("no-store", "nosniff")
    );

    for shown in [
        "ada@example.org",
        "canary-text",
        r#"sandbox="allow-popups allow-popups-to-escape-sandbox""#,
        "srcdoc=\"",
    ] {
        assert!(text.contains(shown), "{shown}: {text}");
    }

    for wrong in ["/dev/mail?id=x", "/dev", "/dev/mail/x"] {
        app.anonymous()
            .get(wrong)
            .await
            .assert_problem(404, "not_found");
    }
    app.anonymous()
        .request(Method::POST, "/dev/mail")
        .send()
        .await
        .assert_problem(405, "method_not_allowed");
    assert_eq!(
        app.anonymous()
            .request(Method::HEAD, "/dev/mail")
            .send()
            .await
            .assert_status(200)
            .text(),
        ""
    );
}

/// A name with markup is shown as text.
#[tokio::test]
async fn the_page_escapes_its_content() {
    use mainstay::mail::{Letter, Mail};

    let app = TestApp::start(fixture::platform()).await;
    let letter = Letter::new("<script>alert(1)</script>").paragraph("\"><script>alert(2)</script>");
    let mail = Mail::new("ada@example.org", &letter).expect("the address is valid");

    queue(
        app.database(),
        mail.job(&sql(app.database())).expect("the job is queued"),
    )
    .await;

    app.mail_to("ada@example.org").await;
    let text = app.anonymous().get("/dev/mail").await.text();
    assert!(!text.contains("<script"), "{text}");
}

/// OWASP ASVS 13.4.2: tools for developers are absent in production.
#[tokio::test]
async fn the_page_exists_in_development_only() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    let app = sending_to(&server, "smtps").await;
    app.anonymous()
        .get("/dev/mail")
        .await
        .assert_problem(404, "not_found");

    let production = TestApp::builder(fixture::platform())
        .setting("environment", "production")
        .setting("http.public_url", "https://api.example")
        .setting("mail.smtp_url", server.url("smtps"))
        .setting("mail.from", "Example <no-reply@example.org>")
        .start()
        .await;

    production
        .anonymous()
        .get("/dev/mail")
        .await
        .assert_problem(404, "not_found");
}
