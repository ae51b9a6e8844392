//! A statement that takes long is logged, and tells nobody's data.

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

/// Sends a request that meets a locked table, and lets the table go once the statement has waited for longer than the
/// threshold.
async fn held_up(
    owner: &mut Owner,
    watching: &mut Owner,
    request: impl Future<Output = Reply>,
) -> Reply {
    const WAITS: &str = r"
        SELECT FROM pg_locks
        WHERE relation = 'customers'::regclass
          AND NOT granted
          AND clock_timestamp() - waitstart > interval '300 milliseconds'
    ";

    owner.run("BEGIN", []).await.expect("it begins");
    owner
        .run("LOCK TABLE customers IN EXCLUSIVE MODE", [])
        .await
        .expect("it is locked");

    let release = async {
        while watching
            .run(WAITS, [])
            .await
            .expect("it is read")
            .is_empty()
        {
            sleep(std::time::Duration::from_millis(20)).await;
        }
        owner.run("COMMIT", []).await.expect("it is let go");
    };

    let (reply, ()) = timeout(PATIENCE, async { tokio::join!(request, release) })
        .await
        .expect("it is answered");

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

    let body = json!({ "full_name": format!("Ada {CANARY}"), "email": format!("{CANARY}@example.org"), "tags": [CANARY] });
    let (token, body) = (agent.token(), body.to_string());
    let made = held_up(
        &mut owner,
        &mut watching,
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

    let changed = held_up(
        &mut owner,
        &mut watching,
        crate::http::exchange(api, request),
    )
    .await;

    assert_eq!(changed.status, 200, "{changed:?}");

    for (statement, rows) in [("customers.insert", 0), ("customers.update", 1)] {
        let line = eventually("it is logged", || {
            let log = serving.log();
            let mut lines = log
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.find(|line| {
                line["message"] == "a statement is slow" && line["statement"] == statement
            })
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
