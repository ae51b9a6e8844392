//! Where findings are reported: the webhook, the metrics and the log.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use mainstay::{
    access::BuiltInRole::{Agent, Auditor},
    prelude::{By, LooksFor, Rule, Severity},
};
use mainstay_testing::TestApp;
use serde_json::{Value, json};

use crate::{
    http::{Reply, send},
    process::Deployment,
    program::eventually,
    proxy::sign_in_from,
    smtp_server::{SmtpServer, Tls},
    webhook_receiver::Receiver,
};

const KEYS: [&[u8; 32]; 2] = [
    b"the key of a receiver in a test!",
    b"and the next key of the receiver",
];

/// Starts an app with its own rule, which reports findings to `receiver`.
async fn start_reporting_to(receiver: &Receiver) -> TestApp {
    const MANY_CUSTOMERS: Rule = Rule {
        name: "many_customers",
        message: "An account made many customers.",
        looks_for: LooksFor::Burst {
            of: &["customer.created"],
            by: By::Account,
        },
        window: std::time::Duration::from_secs(600),
        threshold: 3,
        severity: Severity::Low,
    };

    let secrets = KEYS.map(|key| format!("whsec_{}", STANDARD.encode(key)));

    TestApp::builder(fixture::platform().rule(MANY_CUSTOMERS))
        .setting("watch.interval", "1s")
        .setting("watch.sign_in_failures_by_address", "3")
        .setting("watch.webhook_url", receiver.url())
        .setting("watch.webhook_secret", secrets.join(" "))
        .setting("http.trusted_proxies", "127.0.0.0/8")
        .setting("jobs.poll", "50ms")
        .setting("jobs.retry_delay", "10ms")
        .start()
        .await
}

async fn fail_to_sign_in(app: &TestApp) {
    for n in 0..3 {
        let email = format!("zanzibar-{n}@example.org");
        sign_in_from(&app.anonymous(), &email, "not the password", "203.0.113.77")
            .await
            .assert_problem(401, "invalid_credentials");
    }
}

/// Verifies a signature as the specification of Standard Webhooks describes.
fn is_signed(message: &Reply, body: &str, key: &[u8; 32]) -> bool {
    let [id, timestamp] = ["webhook-id", "webhook-timestamp"].map(|name| message.header(name));
    let content = format!("{id}.{timestamp}.{body}");

    // The test receiver converts heads to lower case, including signatures.
    let expected = format!(
        "v1,{}",
        STANDARD.encode(sign(&Key::new(HMAC_SHA256, key), content.as_bytes()))
    )
    .to_lowercase();

    message
        .header("webhook-signature")
        .split(' ')
        .any(|signature| signature == expected)
}

async fn jobs(app: &TestApp, state: &'static str) -> Vec<(i32, String)> {
    let text = r"
        SELECT attempts, coalesce(error, '')
        FROM mainstay.jobs
        WHERE kind = 'webhook' AND state = $1
    ";
    let rows = app
        .owner()
        .await
        .run(text, [state.into()])
        .await
        .expect("the rows are read");
    rows.iter()
        .map(|row| {
            (
                row.get(0).expect("the column is a number"),
                row.get(1).expect("the column is text"),
            )
        })
        .collect()
}

async fn until_a_job_is(app: &TestApp, state: &'static str) -> Vec<(i32, String)> {
    let reached = async {
        loop {
            let jobs = jobs(app, state).await;
            if !jobs.is_empty() {
                return jobs;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };

    tokio::time::timeout(crate::http::PATIENCE, reached)
        .await
        .expect("the job reaches the state")
}

#[tokio::test]
async fn a_finding_is_sent_signed_until_accepted_without_personal_data() {
    // A redirect is not followed: its target is not configured.
    let receiver = Receiver::start(&[500, 307, 429]).await;
    let app = start_reporting_to(&receiver).await;
    fail_to_sign_in(&app).await;

    let messages = receiver.until(4).await;
    assert_eq!(until_a_job_is(&app, "done").await, [(4, String::new())]);
    assert_eq!(receiver.received().len(), 4);

    let first = &messages[0];

    for message in &messages {
        assert!(
            message.head.starts_with("post /findings http/1.1"),
            "{message:?}"
        );
        assert_eq!(message.header("content-type"), "application/json");
        assert_eq!(
            (message.header("webhook-id"), &message.body),
            (first.header("webhook-id"), &first.body)
        );

        for key in KEYS {
            assert!(is_signed(message, &message.body, key), "{message:?}");
            assert!(!is_signed(
                message,
                &message.body.replace("medium", "low"),
                key
            ));
        }

        assert!(!is_signed(message, &message.body, &[0; 32]));

        for personal in ["203.0.113", "zanzibar", "example.org"] {
            assert!(!message.body.contains(personal), "{message:?}");
        }
    }

    let body = first.json();
    assert_eq!(
        (&body["type"], &body["data"]["rule"]),
        (
            &json!("security.finding"),
            &json!("sign_in_failures_by_address")
        )
    );
    assert_eq!(
        (&body["data"]["id"], &body["data"]["events"]),
        (&json!(first.header("webhook-id")), &json!(3))
    );
}

#[tokio::test]
async fn a_receiver_that_answers_410_gets_no_more_messages() {
    let receiver = Receiver::start(&[410]).await;
    let app = start_reporting_to(&receiver).await;
    fail_to_sign_in(&app).await;

    let failed = until_a_job_is(&app, "failed").await;
    assert_eq!(
        failed,
        [(
            1,
            "the webhook no longer accepts messages (410 Gone)".to_owned()
        )]
    );
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_adopters_own_rule_is_watched_by_the_worker() {
    let receiver = Receiver::start(&[]).await;
    let app = start_reporting_to(&receiver).await;
    let (agent, auditor) = (app.actor(Agent).await, app.actor(Auditor).await);

    for n in 0..3 {
        let body = json!({ "full_name": "Ada", "email": format!("{n}@example.org") });
        agent.post("/v1/customers", body).await.assert_status(201);
    }

    let [message] = &receiver.until(1).await[..] else {
        panic!("expected one message")
    };

    let body = message.json();
    assert_eq!(
        (&body["data"]["rule"], &body["data"]["account_id"]),
        (&json!("many_customers"), &json!(agent.user()))
    );

    let page = auditor
        .get("/v1/audit/findings?rule=many_customers")
        .await
        .assert_status(200)
        .json();

    assert_eq!(page["items"][0]["id"], body["data"]["id"]);
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_finding_is_counted_and_logged() {
    let server = SmtpServer::start(Tls::AtOnce).await;
    let settings = [
        ("MAINSTAY_WATCH_INTERVAL", "1s"),
        ("MAINSTAY_WATCH_DENIALS_BY_ACCOUNT", "3"),
    ];
    let deployment = Deployment::new(&server).await.with_environment(settings);
    let agent = deployment.app.actor(Agent).await;

    for _ in 0..3 {
        agent
            .get("/v1/audit/events")
            .await
            .assert_problem(403, "forbidden");
    }

    let (worker, management) = deployment.worker();
    let line: Value = eventually("the finding is logged", || {
        let log = worker.log();
        log.lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["finding"].is_string())
    });

    assert_eq!(
        (&line["level"], &line["rule"]),
        (&json!("WARN"), &json!("denials_by_account"))
    );
    assert_eq!(
        (&line["severity"], &line["events"]),
        (&json!("medium"), &json!(3))
    );

    let metrics = send(management, "GET", "/metrics", "", "").await.body;
    let counted = r#"security_findings_total{rule="denials_by_account",severity="medium"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
}
