//! How many connections to Postgres a process takes: what `config` prints is what Postgres counts.

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

/// So many connections that they are soon all open, and few enough that a slip of one shows.
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
        .expect("it is counted")[0]
        .get(0)
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_takes_as_many_connections_as_it_says() {
    let app = TestApp::start(fixture::platform()).await;
    let beside = Beside::make(&app, "CREATE DATABASE counted_connections").await;
    let (code, text) = finish(
        program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", beside.owner.expose_secret()),
    );

    assert_eq!(code, Some(0), "{text}");

    let environment = secrets(beside.server.expose_secret());
    let (_, told) = finish(program(["config"]).envs(environment.clone()).envs(FEW));
    let line = told
        .lines()
        .find(|line| line.starts_with("Maximum connections to Postgres: "))
        .expect("it is told");
    let numbers: Vec<i64> = line
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();

    // The pool's 3 and the probe, one that hears of revocations; two that work, one that hears of work, and the sealer's.
    // A worker has the last four, one on which it measures, and the probe.
    assert_eq!(numbers, [9, 6], "{told}");

    let mut owner = app.owner().await;
    let mut service = Serving::start(program(["serve"]).envs(environment).envs(FEW));
    let (_, management) = service.addresses();
    let (mut most, mut counted_at_most) = (0, 0);
    let watched = async {
        // Once all are there, none may come beyond.
        while counted_at_most < 20 {
            let probe = crate::http::send(management, "GET", "/readyz", "", "").await;
            assert!([200, 503].contains(&probe.status), "{probe:?}");
            let now = held(&mut owner, "counted_connections").await;
            most = most.max(now);
            counted_at_most += usize::from(now == numbers[0]);
            assert!(
                now <= numbers[0],
                "{now} connections, of {} at most",
                numbers[0]
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };

    if tokio::time::timeout(PATIENCE, watched).await.is_err() {
        panic!("{most} connections at most, and not {}", numbers[0]);
    }

    service.signal("TERM");
    assert_eq!(service.exit_code(), Some(0), "{}", service.log());
}

/// The checks of the manifests have a formula of their own, in another language: these are the cases that it is held to.
#[tokio::test]
async fn the_formula_of_the_manifests_is_held_to_the_code() {
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
        let told = secrets("postgres://u:p@localhost/app?sslmode=verify-full").into_iter();
        let told = told.chain(
            settings
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );

        let mut reader = Reader::new(told.map(|(name, value)| (name.to_owned(), value)));
        let read = Settings::read(&mut reader).expect("they are right");
        let Connections { serve, worker } =
            Connections::of(&fixture::platform(), read).expect("it is put together");
        let settings: serde_json::Map<_, _> = settings
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();

        cases.push(json!({ "serve": serve, "settings": settings, "worker": worker }));
    }

    let text = serde_json::to_string_pretty(&cases).expect("it is JSON");
    assert_snapshot(
        &root().join("deploy/checks/connections.json"),
        &(text + "\n"),
    );
}
