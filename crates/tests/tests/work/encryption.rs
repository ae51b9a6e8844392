//! Mail leaves the house over TLS to the server that its certificate names, or not at all (OWASP ASVS 12.3.1, 12.3.2).

use mainstay_testing::TestApp;

use crate::{
    delivery::sending_to,
    queue::{queue_mail, until},
    smtp_server::{SmtpServer, Tls},
};

/// Queues a mail, waits until it was tried more than once, and gives what the server heard.
async fn tried(app: &TestApp, server: &SmtpServer) -> Vec<(bool, String)> {
    let id = queue_mail(app.database(), "ada@example.org").await;
    let standing = until(app, id, |it| it.attempts > 2).await;
    assert!(
        ["waiting", "running"].contains(&standing.state.as_str()),
        "{standing:?}"
    );
    assert!(server.received().is_empty());
    server.commands()
}

fn assert_untold(heard: &[(bool, String)]) {
    for (_, line) in heard {
        for told in ["MAIL", "RCPT", "AUTH", "DATA", "ada@", "canary"] {
            assert!(!line.contains(told), "it was told {line:?}");
        }
    }
}

#[tokio::test]
async fn a_server_without_tls_is_told_nothing() {
    let server = SmtpServer::start(Tls::Never).await;
    for scheme in ["smtp", "smtps"] {
        let app = sending_to(&server, scheme).await;
        let heard = tried(&app, &server).await;
        assert!(!heard.is_empty(), "it was not even asked");
        assert_untold(&heard);
    }
}

#[tokio::test]
async fn a_server_under_another_authority_is_told_nothing() {
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
            assert_untold(&tried(&app, &server).await);
        }
    }
}

#[tokio::test]
async fn a_server_of_another_name_is_told_nothing() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    let app = TestApp::builder(fixture::platform())
        // The certificate says localhost.
        .setting(
            "mail.smtp_url",
            server.url("smtps").replace("@localhost:", "@127.0.0.1:"),
        )
        .setting("mail.smtp_ca", server.authority().display().to_string())
        .setting("jobs.poll", "50ms")
        .setting("jobs.retry_delay", "10ms")
        .start()
        .await;

    assert_untold(&tried(&app, &server).await);
}
