//! `POST /v1/customers/{id}/erasure`.

use mainstay::access::BuiltInRole::{Manager, Owner};
use mainstay_http::Method;
use mainstay_testing::{Actor, Answer, TestApp};
use serde_json::{Value, json};

use crate::{create, customer, people::within_a_second, remarks, start};

async fn erase(by: &Actor, path: &str) -> Answer {
    by.request(Method::POST, &format!("{path}/erasure"))
        .send()
        .await
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

async fn events(app: &TestApp, action: &str, path: &str) -> Vec<Value> {
    let auditor = app.actor(mainstay::access::BuiltInRole::Auditor).await;
    let answer = auditor
        .get(&format!(
            "/v1/audit/events?action={action}&resource_id={}",
            id(path)
        ))
        .await;
    answer.assert_status(200).json()["items"]
        .as_array()
        .unwrap()
        .clone()
}

#[tokio::test]
async fn an_erased_customer_is_not_found() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let (ada, bea) = (
        customer("Ada", "ada@example.org"),
        customer("Bea", "bea@example.org"),
    );
    let (gone, stays) = (create(&owner, ada).await, create(&owner, bea).await);

    owner
        .get(&format!("{gone}/personal-data"))
        .await
        .assert_status(200);

    let erased = erase(&owner, &gone).await.assert_status(200).json();
    assert_eq!(
        erased,
        json!({ "destroyed_keys": 1, "erased_rows": 1, "was_erased": false })
    );

    for path in ["", "/personal-data", "/export"] {
        owner
            .get(&format!("{gone}{path}"))
            .await
            .assert_problem(404, "not_found");
    }
    owner
        .patch(&gone, json!({ "status": "inactive" }))
        .await
        .assert_problem(404, "not_found");
    owner
        .patch(&gone, json!({ "full_name": "Ada again" }))
        .await
        .assert_problem(404, "not_found");
    owner.delete(&gone).await.assert_problem(404, "not_found");

    for listing in [
        "/v1/customers",
        "/v1/customers?sort=name",
        "/v1/customers?status=active",
    ] {
        let items = owner.get(listing).await.assert_status(200).json()["items"].clone();
        let ids: Vec<_> = items
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].clone())
            .collect();
        assert_eq!(ids, [json!(id(&stays))], "{listing}");
    }

    let found = owner
        .post(
            "/v1/customers/search",
            json!({ "email": "ada@example.org" }),
        )
        .await
        .json();

    assert_eq!(found["items"], json!([]));
    // No reveal is recorded after the erasure.
    assert_eq!(events(&app, "customer.revealed", &gone).await.len(), 1);
    assert_eq!(events(&app, "customer.updated", &gone).await.len(), 0);

    let left = r"
        SELECT count(*), count(data_key), count(email_index),
            max(length(full_name) + length(email)),
            (SELECT count(*) FROM data_keys WHERE subject_id = $1)
        FROM customers
        WHERE id = $1
    ";
    let uuid = mainstay::prelude::Uuid::try_parse(id(&gone)).unwrap();
    let rows = app.owner().await.run(left, [uuid.into()]).await.unwrap();
    let number = |position| rows[0].get::<i64>(position).unwrap();

    assert_eq!(
        (
            number(0),
            number(1),
            number(2),
            rows[0].get::<i32>(3).unwrap(),
            number(4)
        ),
        (1, 0, 0, 0, 0)
    );
}

#[tokio::test]
async fn the_erasure_is_recorded_once() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let first = erase(&owner, &path).await;
    let again = erase(&owner, &path).await.assert_status(200).json();

    assert_eq!(
        again,
        json!({ "destroyed_keys": 0, "erased_rows": 0, "was_erased": true })
    );

    let recorded = events(&app, "customer.erased", &path).await;
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    assert_eq!(recorded[0]["actor_id"], json!(owner.user()));
    assert_eq!(recorded[0]["request_id"], first.header("x-request-id"));

    let output = |field: &str| {
        let changes = recorded[0]["changes"].as_array().unwrap();
        changes
            .iter()
            .find(|change| change["field"] == field)
            .map(|change| change["after"].clone())
    };

    assert_eq!(output("destroyed_keys"), Some(json!(1)));
    assert_eq!(
        output("erased_rows"),
        Some(json!({ "customer": [id(&path)] }))
    );
}

#[tokio::test]
async fn only_an_owner_of_the_organization_may_erase() {
    let app = start().await;
    let (owner, manager, stranger) = (
        app.actor(Owner).await,
        app.actor(Manager).await,
        app.stranger(Owner).await,
    );

    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    erase(&manager, &path)
        .await
        .assert_problem(403, "forbidden");
    erase(&stranger, &path)
        .await
        .assert_problem(404, "not_found");
    erase(&owner, "/v1/customers/00000000-0000-7000-8000-000000000000")
        .await
        .assert_problem(404, "not_found");
    owner.get(&path).await.assert_status(200);
}

#[tokio::test]
async fn an_erasure_requires_a_step_up() {
    use mainstay::kernel::{Clock, Timestamp};

    let clock = Clock::manual(Timestamp::UNIX_EPOCH + time::Duration::days(20_000));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .setting("identity.access_token_lifetime", "30m")
        .start()
        .await;
    let owner = app.actor(Owner).await;

    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    clock.advance(time::Duration::minutes(11));
    erase(&owner, &path)
        .await
        .assert_problem(401, "step_up_required");
    owner.get(&path).await.assert_status(200);
}

/// An erasure that cannot be recorded fails.
#[tokio::test]
async fn without_its_record_nothing_is_erased() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;

    app.owner()
        .await
        .run(
            "REVOKE INSERT ON mainstay.audit_events FROM mainstay_server",
            [],
        )
        .await
        .unwrap();

    erase(&owner, &path)
        .await
        .assert_problem(500, "internal_error");

    app.owner()
        .await
        .run(
            "GRANT INSERT ON mainstay.audit_events TO mainstay_server",
            [],
        )
        .await
        .unwrap();

    let revealed = owner
        .get(&format!("{path}/personal-data"))
        .await
        .assert_status(200)
        .json();

    assert_eq!(revealed["full_name"], "Ada");
}

/// Both replicas have cached the customer's key.
#[tokio::test]
async fn other_replicas_drop_the_key_at_once() {
    let app = start().await;
    let replica = app.second_replica().await;
    let owner = app.actor(Owner).await;
    let remote = replica.client_of(&owner);
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let personal = format!("{path}/personal-data");

    assert_eq!(remote.get(&personal).await.json()["full_name"], "Ada");
    remote
        .patch(&path, json!({ "full_name": "Bea" }))
        .await
        .assert_status(200);
    erase(&owner, &path).await.assert_status(200);

    // The next request, not only one within a second.
    for client in [&remote, &*owner] {
        client.get(&path).await.assert_problem(404, "not_found");
        client.get(&personal).await.assert_problem(404, "not_found");
        client
            .patch(&path, json!({ "full_name": "Cea" }))
            .await
            .assert_problem(404, "not_found");
        client
            .patch(&path, json!({ "status": "lead" }))
            .await
            .assert_problem(404, "not_found");
        within_a_second(client, &path, 404).await;
    }
}

#[tokio::test]
async fn rows_about_the_person_are_erased_and_references_stay() {
    let app = remarks::start(|app| app).await;
    let owner = app.actor(Owner).await;
    let (gone, stays) = (
        create(&owner, customer("Ada", "ada@example.org")).await,
        create(&owner, customer("Bea", "bea@example.org")).await,
    );

    let note = async |about: &str| {
        let body =
            json!({ "customer_id": id(about), "text": "Late again", "seen_at": "Old Harbour" });
        owner
            .post("/v1/remarks", body)
            .await
            .assert_status(201)
            .location()
    };

    let (note_of_gone, note_of_other) = (note(&gone).await, note(&stays).await);
    let order = r"
            INSERT INTO purchases
            SELECT gen_random_uuid(), organization_id, id, 100
            FROM customers
        ";
    app.owner().await.run(order, []).await.unwrap();

    let erased = erase(&owner, &gone).await.assert_status(200).json();
    assert_eq!(
        erased,
        json!({ "destroyed_keys": 2, "erased_rows": 2, "was_erased": false })
    );
    owner
        .get(&note_of_gone)
        .await
        .assert_problem(404, "not_found");

    let other = owner
        .get(&format!("{note_of_other}/text"))
        .await
        .assert_status(200)
        .json();

    assert_eq!(
        other,
        json!({ "text": "Late again", "seen_at": "Old Harbour" })
    );

    let count = r"
        SELECT (SELECT count(*) FROM remarks),
            (SELECT count(*) FROM purchases JOIN customers c ON c.id = customer_id)
    ";
    let rows = app.owner().await.run(count, []).await.unwrap();
    assert_eq!(
        (
            rows[0].get::<i64>(0).unwrap(),
            rows[0].get::<i64>(1).unwrap()
        ),
        (1, 2)
    );

    let recorded = events(&app, "customer.erased", &gone).await;
    let output = recorded[0]["changes"].to_string();
    assert!(
        output.contains(id(&note_of_gone)) && !output.contains(id(&note_of_other)),
        "{output}"
    );

    // A later remark with the id is erased by a second erasure.
    note(&gone).await;

    let again = erase(&owner, &gone).await.assert_status(200).json();
    assert_eq!(
        again,
        json!({ "destroyed_keys": 1, "erased_rows": 1, "was_erased": false })
    );
}
