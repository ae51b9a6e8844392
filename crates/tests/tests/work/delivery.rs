//! A mail server that accepts mail, refuses it temporarily or permanently, or never answers.

use mainstay_testing::TestApp;

use crate::{
    queue::{mail_to, queue, queue_mail, sql, until, until_state},
    smtp_server::{Fault, SmtpServer, Tls},
};

const TO: &str = "ada@example.org";

/// Starts an app that sends to `server` and retries quickly.
pub async fn sending_to(server: &SmtpServer, scheme: &str) -> TestApp {
    TestApp::builder(fixture::platform())
        .setting("mail.smtp_url", server.url(scheme))
        .setting("mail.smtp_ca", server.authority().display().to_string())
        .setting("mail.from", "Example <no-reply@example.org>")
        .setting("jobs.poll", "50ms")
        .setting("jobs.retry_delay", "10ms")
        .start()
        .await
}

#[tokio::test]
async fn a_mail_arrives_once_as_text_and_html() {
    for (tls, scheme) in [(Tls::AtOnce, "smtps"), (Tls::AfterGreeting, "smtp")] {
        let server = SmtpServer::start(tls).await;
        let app = sending_to(&server, scheme).await;
        let id = queue_mail(app.database(), TO).await;
        let done = until_state(&app, id, "done").await;

        // A finished job has no address and no secret.
        assert!(!done.has_payload, "{done:?}");

        let [message] = <[_; 1]>::try_from(server.received()).expect("exactly one message arrived");
        assert_eq!(
            (message.id.as_str(), message.to.len()),
            (id.to_string().as_str(), 1)
        );
        assert!(
            message.to[0].contains(TO) && message.encrypted,
            "{message:?}"
        );

        for part in [
            "From: Example <no-reply@example.org>",
            "text/plain",
            "text/html",
            "canary-text",
            "Auto-Submitted: auto-generated",
        ] {
            assert!(message.text.contains(part), "{part}: {}", message.text);
        }

        assert!(
            server
                .commands()
                .iter()
                .any(|(_, line)| line.starts_with("AUTH PLAIN ")),
            "the client did not authenticate"
        );
    }
}

#[tokio::test]
async fn mail_refused_temporarily_is_sent_later() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    server.fail([
        Fault::Recipient("451 greylisted, ada@example.org"),
        Fault::Message("452 no room for ada@example.org"),
    ]);
    let app = sending_to(&server, "smtps").await;
    let id = queue_mail(app.database(), TO).await;
    assert_eq!(until_state(&app, id, "done").await.attempts, 3);
    assert_eq!(server.count(id), 1);
}

/// The server's reply may quote the address, so it is not stored.
#[tokio::test]
async fn mail_refused_permanently_is_kept_for_the_operator() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    server.fail([
        Fault::Recipient("550 no ada@example.org here"),
        Fault::Message("554 spam to ada@example.org"),
    ]);

    let app = sending_to(&server, "smtps").await;
    for what in ["the recipient (550)", "the message (554)"] {
        let id = queue_mail(app.database(), TO).await;
        let failed = until_state(&app, id, "failed").await;
        assert_eq!(
            (failed.attempts, failed.has_payload),
            (1, true),
            "{failed:?}"
        );
        assert_eq!(failed.error, format!("the mail server refused {what}"));
    }

    assert!(server.received().is_empty());

    let undelivered = mainstay::mail::undelivered(&sql(app.database()))
        .await
        .expect("the rows are read");
    let shown: Vec<_> = undelivered
        .iter()
        .map(|it| (it.state.as_str(), it.to.as_str()))
        .collect();

    assert_eq!(shown, [("failed", "a***@example.org"); 2]);
}

/// RFC 5321 §4.2.5: after the final dot, only the server's reply says who is responsible for the
/// message.
#[tokio::test]
async fn mail_with_an_unknown_outcome_is_not_sent_again() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    server.fail([Fault::HangUpAfterMessage]);

    let app = sending_to(&server, "smtps").await;
    let id = queue_mail(app.database(), TO).await;
    let left = until(&app, id, |it| {
        it.state == "handed_over" && !it.error.is_empty()
    })
    .await;

    assert_eq!((left.attempts, left.has_payload), (1, true), "{left:?}");

    // Other mail is sent meanwhile, and this one stays.
    let other = queue_mail(app.database(), TO).await;
    until_state(&app, other, "done").await;

    assert_eq!((server.count(id), server.count(other)), (1, 1));

    // The operator checks the server's log, and decides.
    let around = sql(app.database());
    assert!(
        mainstay::mail::resend(&around, id.into())
            .await
            .expect("the e-mail is queued again")
    );

    until_state(&app, id, "done").await;
    assert_eq!(server.count(id), 2);
    assert!(
        !mainstay::mail::resend(&around, id.into())
            .await
            .expect("the rows are read"),
        "the e-mail is already sent"
    );

    let records = r"
        SELECT 1
        FROM mainstay.audit_events
        WHERE action = 'mail_resent' AND resource_id = $1
    ";
    assert_eq!(
        app.owner()
            .await
            .run(records, [id.into()])
            .await
            .expect("the rows are read")
            .len(),
        1
    );
}

/// OWASP ASVS 1.3.11: neither an address nor a name can add a recipient, header or command.
#[tokio::test]
async fn mail_injection_is_impossible() {
    use mainstay::mail::{Letter, Mail};

    let server = SmtpServer::start(Tls::AtOnce).await;
    let app = sending_to(&server, "smtps").await;

    for address in [
        "ada@example.org\r\nRCPT TO:<eve@example.com>",
        "ada@example.org>\r\nDATA",
        "a@b.example,eve@c.example",
    ] {
        assert!(
            Mail::new(address, &Letter::new("Hello")).is_err(),
            "{address:?}"
        );
    }

    let letter = Letter::new("Hello\r\nBcc: eve@example.com");
    let letter = letter
        .paragraph("\r\n.\r\nRSET")
        .paragraph(".")
        .paragraph("MAIL FROM:<eve@example.com>");
    let job = Mail::new(TO, &letter).and_then(|mail| {
        mail.job(&sql(app.database()))
            .map_err(|_| mainstay::mail::MailError::Template)
    });

    let id = queue(app.database(), job.expect("the address is valid")).await;
    until_state(&app, id, "done").await;

    let [message] = <[_; 1]>::try_from(server.received()).expect("exactly one message arrived");
    assert_eq!(message.to.len(), 1);

    let (head, _) = message
        .text
        .split_once("\r\n\r\n")
        .expect("the message has a head and a body");
    assert!(!head.lines().any(|line| line.starts_with("Bcc")), "{head}");

    // The text that looks like SMTP commands is inside the message, which ends correctly.
    assert!(
        message.text.contains("\r\n.\r\n\r\nMAIL FROM:"),
        "{}",
        message.text
    );
    assert!(
        message.text.trim_end().ends_with(&format!("--part-{id}--")),
        "{}",
        message.text
    );
}

/// A payload contains an address and may contain a one-time secret, so it is sealed while it waits.
#[tokio::test]
async fn a_waiting_payload_is_sealed() {
    let app = TestApp::builder(fixture::platform())
        .setting("jobs.in_process", "false")
        .start()
        .await;
    let id = queue_mail(app.database(), TO).await;
    let text = r"
        SELECT encode(payload, 'escape') || coalesce(error, '')
        FROM mainstay.jobs
        WHERE id = $1
    ";

    let rows = app
        .owner()
        .await
        .run(text, [id.into()])
        .await
        .expect("the row is read");

    let stored: String = rows[0].get(0).expect("the file is text");
    assert!(
        !stored.contains("ada") && !stored.contains("canary"),
        "{stored}"
    );
    assert!(!format!("{:?}", mail_to(TO)).contains("ada"));
}
