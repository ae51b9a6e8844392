//! A slow statement is logged without any value.

use mainstay::access::BuiltInRole::Agent;
use mainstay_database::Owner;
use mainstay_testing::TestApp;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    http::{PATIENCE, Reply, send},
    program::{Serving, beside, eventually, program},
};

const CANARY: &str = "canary-zanzibar";

/// A table, and the statement that keeps it from what is sent meanwhile.
struct Locked {
    table: &'static str,
    lock: &'static str,
}

const CUSTOMERS: Locked = Locked {
    table: "customers",
    lock: "LOCK TABLE customers IN EXCLUSIVE MODE",
};

const SESSIONS: Locked = Locked {
    table: "mainstay.sessions",
    lock: "LOCK TABLE mainstay.sessions IN ACCESS EXCLUSIVE MODE",
};

/// Sends a request to a locked table, and releases the table once the statement has waited for
/// longer than the threshold.
async fn delayed_request(
    (owner, watching): (&mut Owner, &mut Owner),
    locked: Locked,
    request: impl Future<Output = Reply>,
) -> Reply {
    const WAITS: &str = r"
        SELECT FROM pg_locks
        WHERE relation = $1::text::regclass
          AND NOT granted
          AND clock_timestamp() - waitstart > interval '300 milliseconds'
    ";

    owner
        .run("BEGIN", [])
        .await
        .expect("the transaction starts");
    owner
        .run(locked.lock, [])
        .await
        .expect("the table is locked");

    let release = async {
        while watching
            .run(WAITS, [locked.table.into()])
            .await
            .expect("the row is read")
            .is_empty()
        {
            sleep(std::time::Duration::from_millis(20)).await;
        }
        owner.run("COMMIT", []).await.expect("the lock is released");
    };

    let (reply, ()) = timeout(PATIENCE, async { tokio::join!(request, release) })
        .await
        .expect("the request is answered");

    reply
}

/// OWASP ASVS 14.2.4, 16.2.5.
#[tokio::test]
async fn a_slow_statement_is_logged_by_its_name_without_a_value() {
    let (app, mut environment) = beside(TestApp::builder(fixture::platform())).await;
    let agent = app.actor(Agent).await;
    environment.push(("MAINSTAY_DATABASE_SLOW_STATEMENT", "200ms".to_owned()));

    let mut serving = Serving::start(program(["serve"]).envs(environment));
    let (api, _) = serving.addresses();
    let (mut owner, mut watching) = (app.owner().await, app.owner().await);

    let body = json!({
        "full_name": format!("Ada {CANARY}"),
        "email": format!("{CANARY}@example.org"),
        "tags": [CANARY],
    });
    let (token, body) = (agent.token(), body.to_string());
    let made = delayed_request(
        (&mut owner, &mut watching),
        CUSTOMERS,
        send(api, "POST", "/v1/customers", token, &body),
    )
    .await;

    assert_eq!(made.status, 201, "{made:?}");

    let path = made.header("location").to_owned();
    let search = json!({ "email": format!("{CANARY}@example.org") }).to_string();
    let found = send(api, "POST", "/v1/customers/search", token, &search).await;

    assert_eq!(found.status, 200, "{found:?}");

    let patch = json!({ "notes": CANARY }).to_string();
    let request = format!(
        "PATCH {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{patch}",
        token,
        patch.len()
    );

    let changed = delayed_request(
        (&mut owner, &mut watching),
        CUSTOMERS,
        crate::http::exchange(api, request),
    )
    .await;

    assert_eq!(changed.status, 200, "{changed:?}");

    for (statement, rows) in [("customers.insert", 0), ("customers.update", 1)] {
        let line = eventually("the statement is logged", || {
            let log = serving.log();
            let mut lines = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find(|line| line["message"] == "slow statement" && line["statement"] == statement)
        });

        assert_eq!(
            (&line["level"], &line["rows"]),
            (&json!("WARN"), &json!(rows)),
            "{line}"
        );
        assert!(
            line["milliseconds"]
                .as_u64()
                .is_some_and(|took| took >= 200),
            "{line}"
        );
    }

    let log = serving.log();
    assert!(
        !log.contains(CANARY) && !log.to_lowercase().contains("insert into"),
        "{log}"
    );
}

/// An unlimited statement logs its reason, so that the reader of the log knows its purpose.
#[tokio::test]
async fn a_slow_unlimited_statement_logs_its_reason() {
    let (app, mut environment) = beside(TestApp::builder(fixture::platform())).await;
    environment.push(("MAINSTAY_DATABASE_SLOW_STATEMENT", "200ms".to_owned()));

    let mut serving = Serving::start(program(["serve"]).envs(environment));
    let (api, _) = serving.addresses();
    let (mut owner, mut watching) = (app.owner().await, app.owner().await);

    let refreshed = delayed_request(
        (&mut owner, &mut watching),
        SESSIONS,
        send(
            api,
            "POST",
            "/v1/sessions/current/refresh",
            "",
            r#"{"refresh_token": "unknown"}"#,
        ),
    )
    .await;
    assert_eq!(refreshed.status, 401, "{refreshed:?}");

    let line = eventually("it is logged", || {
        let log = serving.log();
        let mut lines = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| {
            line["message"] == "slow statement" && line["statement"] == "refresh_tokens.find"
        })
    });

    assert_eq!(
        line["unlimited"],
        "The caller is not signed in: the account is found by its address, a passkey or a token.",
        "{line}"
    );
}
