//! Mail is sent over TLS to a server with a valid certificate, or not at all (OWASP ASVS 12.3.1,
//! 12.3.2).

use mainstay_testing::TestApp;

use crate::{
    delivery::sending_to,
    queue::{queue_mail, until},
    smtp_server::{SmtpServer, Tls},
};

/// Queues an e-mail, waits until it was tried more than once, and returns the lines that the server
/// received.
async fn tried(app: &TestApp, server: &SmtpServer) -> Vec<(bool, String)> {
    let id = queue_mail(app.database(), "ada@example.org").await;
    let job = until(app, id, |it| it.attempts > 2).await;
    assert!(
        ["waiting", "running"].contains(&job.state.as_str()),
        "{job:?}"
    );
    assert!(server.received().is_empty());
    server.commands()
}

fn assert_nothing_sent(received: &[(bool, String)]) {
    for (_, line) in received {
        for secret in ["MAIL", "RCPT", "AUTH", "DATA", "ada@", "canary"] {
            assert!(!line.contains(secret), "the server received {line:?}");
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_receives_nothing() {
    let server = SmtpServer::start(Tls::Never).await;
    for scheme in ["smtp", "smtps"] {
        let app = sending_to(&server, scheme).await;
        let received = tried(&app, &server).await;
        assert!(!received.is_empty(), "the client did not connect");
        assert_nothing_sent(&received);
    }
}

#[tokio::test]
async fn a_server_with_an_untrusted_certificate_receives_nothing() {
    let stranger = SmtpServer::start(Tls::Never).await;
    for (tls, scheme) in [(Tls::AtOnce, "smtps"), (Tls::AfterGreeting, "smtp")] {
        let server = SmtpServer::start(tls).await;
        for authority in [Some(stranger.authority()), None] {
            let mut builder =
                TestApp::builder(fixture::platform()).setting("mail.smtp_url", server.url(scheme));
            if let Some(authority) = authority {
                builder = builder.setting("mail.smtp_ca", authority.display().to_string());
            }
            let app = builder
                .setting("jobs.poll", "50ms")
                .setting("jobs.retry_delay", "10ms")
                .start()
                .await;
            assert_nothing_sent(&tried(&app, &server).await);
        }
    }
}

#[tokio::test]
async fn a_server_with_another_name_receives_nothing() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    let app = TestApp::builder(fixture::platform())
        // The certificate is for localhost.
        .setting(
            "mail.smtp_url",
            server.url("smtps").replace("@localhost:", "@127.0.0.1:"),
        )
        .setting("mail.smtp_ca", server.authority().display().to_string())
        .setting("jobs.poll", "50ms")
        .setting("jobs.retry_delay", "10ms")
        .start()
        .await;

    assert_nothing_sent(&tried(&app, &server).await);
}
