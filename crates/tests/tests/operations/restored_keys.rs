//! A restore without the table of data keys: sealed values cannot be opened, and readiness reports
//! it.

use mainstay::http::Method;
use mainstay_access::BuiltInRole::{Manager, Owner};
use mainstay_testing::TestApp;
use serde_json::json;

use crate::{
    http::{PATIENCE, send},
    program::{Serving, beside, finish, program},
};

async fn until_ready(management: std::net::SocketAddr, status: u16) -> String {
    let reached = async {
        loop {
            let reply = send(management, "GET", "/readyz", "", "").await;
            if reply.status == status {
                return reply.body;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };

    tokio::time::timeout(PATIENCE, reached)
        .await
        .unwrap_or_else(|_| panic!("readiness did not become {status}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_their_data_keys_are_reported() {
    let (app, mut environment) =
        beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
    environment.push(("MAINSTAY_DATABASE_OWNER_URL", {
        use mainstay::kernel::ExposeSecret as _;
        app.owner_url().expose_secret().to_owned()
    }));

    let manager = app.actor(Manager).await;
    let mut customers = Vec::new();
    for name in ["Ada", "Bea"] {
        let body = json!({ "full_name": name, "email": format!("{name}@example.org") });
        customers.push(
            manager
                .post("/v1/customers", body)
                .await
                .assert_status(201)
                .location(),
        );
    }

    let status = || finish(program(["key-ring", "status"]).envs(environment.clone()));
    let served = environment
        .iter()
        .filter(|(name, _)| *name != "MAINSTAY_DATABASE_OWNER_URL")
        .cloned();
    let mut serving = Serving::start(program(["serve"]).envs(served));
    let (_, management) = serving.addresses();

    until_ready(management, 200).await;
    // An erased person has no key, which is correct.
    let erasing = app.actor(Owner).await;

    erasing
        .request(Method::POST, &format!("{}/erasure", customers[0]))
        .send()
        .await
        .assert_status(200);

    let mut owner = app.owner().await;
    assert!(
        app.database()
            .missing_keys()
            .await
            .expect("the check runs")
            .iter()
            .all(|found| found.missing == 0)
    );
    assert_eq!(status().0, Some(0));

    for statement in [
        "CREATE TABLE keys_elsewhere AS SELECT * FROM mainstay.data_keys",
        "DELETE FROM mainstay.data_keys",
    ] {
        owner
            .run(statement, [])
            .await
            .expect("the owner's statement runs");
    }

    let output = until_ready(management, 503).await;
    assert!(output.contains("Data keys are missing"), "{output}");
    assert!(
        serving
            .log()
            .contains("data keys are missing; was the table data_keys restored?")
    );

    let (code, output) = status();
    assert_eq!(code, Some(1), "{output}");
    assert!(
        output.contains("customers: 1 rows WITHOUT THEIR DATA KEY"),
        "{output}"
    );

    owner
        .run(
            "INSERT INTO mainstay.data_keys SELECT * FROM keys_elsewhere",
            [],
        )
        .await
        .expect("the owner's statement runs");
    until_ready(management, 200).await;

    assert_eq!(status().0, Some(0));
}
