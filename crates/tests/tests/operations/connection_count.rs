//! The number of Postgres connections of a process: `config` prints what Postgres counts.

use std::time::Duration;

use mainstay::{Connections, Settings, config::Reader, kernel::ExposeSecret as _};
use mainstay_database::Owner;
use mainstay_testing::{TestApp, assert_snapshot};
use mainstay_tests::root;
use serde_json::{Value, json};

use crate::{
    databases::Beside,
    http::PATIENCE,
    program::{Serving, finish, program, secrets},
};

const HELD: &str = r"
        SELECT count(*)
        FROM pg_stat_activity
        WHERE datname = $1 AND usename = 'mainstay_server'
    ";

/// Few connections, so that all are soon open and an error of one is visible.
const FEW: [(&str, &str); 5] = [
    ("MAINSTAY_DATABASE_POOL_SIZE", "3"),
    ("MAINSTAY_JOBS_CONCURRENCY", "2"),
    ("MAINSTAY_JOBS_POLL", "10ms"),
    ("MAINSTAY_HTTP_BIND", "127.0.0.1:0"),
    ("MAINSTAY_MANAGEMENT_BIND", "127.0.0.1:0"),
];

async fn held(owner: &mut Owner, database: &str) -> i64 {
    owner
        .run(HELD, [database.into()])
        .await
        .expect("the rows are counted")[0]
        .get(0)
        .expect("the column is a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_opens_as_many_connections_as_config_prints() {
    let app = TestApp::start(fixture::platform()).await;
    let beside = Beside::make(&app, "CREATE DATABASE counted_connections").await;
    let (code, text) = finish(
        program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", beside.owner.expose_secret()),
    );

    assert_eq!(code, Some(0), "{text}");

    let environment = secrets(beside.server.expose_secret());
    let (_, output) = finish(program(["config"]).envs(environment.clone()).envs(FEW));
    let line = output
        .lines()
        .find(|line| line.starts_with("Maximum connections to Postgres: "))
        .expect("the line is printed");
    let numbers: Vec<i64> = line
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();

    // The pool's 3, the probe and the revocation listener; two for jobs, the job listener, and the
    // sealer's. A worker has the last four, one on which it measures, and the probe.
    assert_eq!(numbers, [9, 6], "{output}");

    let mut owner = app.owner().await;
    let mut service = Serving::start(program(["serve"]).envs(environment).envs(FEW));
    let (_, management) = service.addresses();
    let (mut most, mut counted_at_most) = (0, 0);
    let watched = async {
        // Once all are open, no more may follow.
        while counted_at_most < 20 {
            let probe = crate::http::send(management, "GET", "/readyz", "", "").await;
            assert!([200, 503].contains(&probe.status), "{probe:?}");
            let now = held(&mut owner, "counted_connections").await;
            most = most.max(now);
            counted_at_most += usize::from(now == numbers[0]);
            assert!(
                now <= numbers[0],
                "{now} connections, but {} at most expected",
                numbers[0]
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };

    if tokio::time::timeout(PATIENCE, watched).await.is_err() {
        panic!(
            "at most {most} connections were open, expected {}",
            numbers[0]
        );
    }

    service.signal("TERM");
    assert_eq!(service.exit_code(), Some(0), "{}", service.log());
}

/// The manifest checks repeat the formula in another language; this snapshot is their test data.
#[tokio::test]
async fn the_manifest_checks_use_the_same_formula() {
    let mut cases: Vec<Value> = Vec::new();
    for settings in [
        vec![],
        vec![("MAINSTAY_DATABASE_POOL_SIZE", "25")],
        vec![("MAINSTAY_JOBS_CONCURRENCY", "1")],
        vec![("MAINSTAY_JOBS_CONCURRENCY", "7")],
        vec![("MAINSTAY_JOBS_CONCURRENCY", "64")],
        vec![("MAINSTAY_JOBS_IN_PROCESS", "false")],
        vec![
            ("MAINSTAY_JOBS_IN_PROCESS", "false"),
            ("MAINSTAY_DATABASE_POOL_SIZE", "4"),
        ],
    ] {
        let output = secrets("postgres://u:p@localhost/app?sslmode=verify-full").into_iter();
        let output = output.chain(
            settings
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );

        let mut reader = Reader::new(output.map(|(name, value)| (name.to_owned(), value)));
        let read = Settings::read(&mut reader).expect("the settings are valid");
        let Connections { serve, worker } =
            Connections::of(&fixture::platform(), read).expect("the platform is valid");
        let settings: serde_json::Map<_, _> = settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();

        cases.push(json!({ "serve": serve, "settings": settings, "worker": worker }));
    }

    let text = serde_json::to_string_pretty(&cases).expect("the text is JSON");
    assert_snapshot(
        &root().join("deploy/checks/connections.json"),
        &(text + "\n"),
    );
}
