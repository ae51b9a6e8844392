//! Behind PgBouncer in transaction mode: requests go through it, and connections that need a
//! Postgres session bypass it.

use std::time::Duration;

use mainstay::kernel::ExposeSecret as _;
use mainstay_access::BuiltInRole::Agent;
use mainstay_database::Owner;
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    http::{PATIENCE, send},
    pooler::Pooler,
    program::{Serving, beside, eventually, program},
};

const UNSEALED: &str = r"
    SELECT count(*)
    FROM mainstay.audit_events e
    WHERE NOT EXISTS (SELECT FROM mainstay.audit_leaves l WHERE l.event_id = e.id)
";

const LEADERS: &str = r"
    SELECT count(*)
    FROM pg_locks l
    JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database()
      AND l.locktype = 'advisory'
      AND l.granted
      AND (l.classid::bigint << 32 | l.objid::bigint) = 7218340963
";

/// Sets for the role what `deploy/database/roles.sql` sets for the whole server.
const LIMITS: &str = r"
    DO $$
    BEGIN
        EXECUTE format(
            'ALTER ROLE mainstay_server IN DATABASE %I SET statement_timeout = ''5s''',
            current_database()
        );
    END $$
";

async fn count(owner: &mut Owner, text: &'static str) -> i64 {
    owner.run(text, []).await.expect("the rows are counted")[0]
        .get(0)
        .expect("the column is a number")
}

async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !reached().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| panic!("timed out: {what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_runs_behind_a_pooler() {
    let builder = TestApp::builder(fixture::platform()).setting("jobs.in_process", "false");
    let (app, mut environment) = beside(builder).await;
    let Some(pooler) = Pooler::start(&app.database_url()) else {
        return;
    };

    app.serving_role()
        .await
        .run(LIMITS, [])
        .await
        .expect("the role may set its own limits");

    let agent = app.actor(Agent).await;
    environment.retain(|(name, _)| *name != "MAINSTAY_DATABASE_URL");

    environment.extend([
        ("MAINSTAY_DATABASE_URL", pooler.url()),
        (
            "MAINSTAY_DATABASE_DIRECT_URL",
            app.database_url().expose_secret().to_owned(),
        ),
        ("MAINSTAY_DATABASE_ACQUIRE_TIMEOUT", "30s".to_owned()),
    ]);

    let mut replicas =
        [(); 2].map(|()| Serving::start(program(["serve"]).envs(environment.clone())));
    let addresses = [0, 1].map(|number: usize| replicas[number].addresses());
    let [(here, health), (there, _)] = addresses;
    until("the service is ready", async || {
        let status = send(health, "GET", "/readyz", "", "").await.status;
        assert!(status == 200 || status == 503, "{status}: {}", pooler.log());
        status == 200
    })
    .await;

    // More requests at once than the pooler has connections, with statements prepared on any of
    // them.
    let credentials = json!({ "email": agent.email(), "password": PASSWORD }).to_string();
    let session = send(here, "POST", "/v1/sessions", "", &credentials).await;

    assert_eq!(session.status, 201, "{}", session.body);

    let token = session.json()["access_token"]
        .as_str()
        .expect("the response has a token")
        .to_owned();
    let customer = json!({ "full_name": "Ada", "email": "ada@example.org" }).to_string();

    for _ in 0..5 {
        let created = (0..16).map(|number| {
            let address = [here, there][number % 2];
            send(address, "POST", "/v1/customers", &token, &customer)
        });
        for answer in futures_util::future::join_all(created).await {
            assert_eq!(answer.status, 201, "{}", answer.body);
        }
    }

    // One of them seals, through its own session.
    let mut owner = app.owner().await;
    until("every record is sealed", async || {
        count(&mut owner, UNSEALED).await == 0
    })
    .await;

    assert_eq!(count(&mut owner, LEADERS).await, 1);

    let leads = |replica: &Serving| {
        replica
            .log()
            .contains("became leader of the audit log's sealing")
    };
    assert_eq!(replicas.iter().filter(|replica| leads(replica)).count(), 1);

    // The other replica receives a revocation.
    assert_eq!(send(there, "GET", "/v1/me", &token, "").await.status, 200);
    assert_eq!(
        send(here, "DELETE", "/v1/sessions/current", &token, "")
            .await
            .status,
        204
    );

    until("the session has ended everywhere", async || {
        send(there, "GET", "/v1/me", &token, "").await.status == 401
    })
    .await;

    // When the leader ends, the other one takes over.
    let leader = replicas.iter().position(leads).expect("one replica leads");
    replicas[leader].signal("KILL");
    eventually("the other one leads", || {
        leads(&replicas[1 - leader]).then_some(())
    });
    until("every record is sealed", async || {
        count(&mut owner, UNSEALED).await == 0
    })
    .await;

    assert_eq!(count(&mut owner, LEADERS).await, 1);

    let log = replicas[1 - leader].log();
    assert!(
        !log.contains("not limited"),
        "the role has no limits: {log}"
    );
}
