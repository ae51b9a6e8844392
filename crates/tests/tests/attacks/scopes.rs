//! Attempts to reach over the border of each scope: another person's rows, the platform's rows
//! without the permission, and rows that are not public.

use mainstay::{
    access::BuiltInRole::{Agent, Owner},
    crypto::KeyRing,
};
use mainstay_database::{Rotation, RotationOutcome};
use mainstay_testing::{Actor, Client, TestApp};
use serde_json::{Value, json};

use crate::rotation::Stages;

async fn start() -> TestApp {
    TestApp::start(fixture::platform()).await
}

async fn create(by: &Client, collection: &str, body: Value) -> String {
    by.post(collection, body)
        .await
        .assert_status(201)
        .location()
}

async fn draft(by: &Actor, body: &str) -> String {
    let draft = json!({ "title": "Reply", "body": body, "recipient": "ada@example.org" });
    create(by, "/v1/drafts", draft).await
}

fn items(answer: &Value) -> usize {
    answer["items"].as_array().expect("a page has items").len()
}

/// A colleague, the owner of the organization and a stranger see nothing of a person's rows.
#[tokio::test]
async fn no_one_else_reaches_a_persons_rows() {
    let app = start().await;
    let person = app.actor(Agent).await;
    let path = draft(&person, "Dear Ada").await;
    let others = [
        app.actor(Agent).await,
        app.actor(Owner).await,
        app.stranger(Owner).await,
    ];

    for other in &others {
        let before = app.contents().await;
        other.get(&path).await.assert_problem(404, "not_found");
        other
            .get(&format!("{path}/text"))
            .await
            .assert_problem(404, "not_found");
        other
            .patch(&path, json!({ "title": "Mine", "body": "Mine" }))
            .await
            .assert_problem(404, "not_found");
        other.delete(&path).await.assert_problem(404, "not_found");

        let listed = other.get("/v1/drafts?title=Reply").await;
        assert_eq!(items(&listed.assert_status(200).json()), 0);
        let after = app.contents().await;
        assert_eq!(after.changed_since(&before), Vec::<&str>::new());

        // The same value has another index for each person.
        let search = json!({ "recipient": "ada@example.org" });
        let found = other.post("/v1/drafts/search", search).await;
        assert_eq!(items(&found.assert_status(200).json()), 0);
    }

    app.anonymous()
        .get(&path)
        .await
        .assert_problem(401, "unauthenticated");
    person.get(&path).await.assert_status(200);
}

/// An API key of the person reads their drafts, as the endpoint allows, but not the text, which it
/// keeps for the person.
#[tokio::test]
async fn a_machine_does_not_act_in_person() {
    let app = start().await;
    let person = app.actor(Agent).await;
    let path = draft(&person, "Dear Ada").await;

    let key = person
        .post("/v1/api-keys", json!({ "name": "script" }))
        .await;
    let key = key.assert_status(201).json();
    let machine = app
        .anonymous()
        .with_token(key["key"].as_str().expect("the key is shown once"));

    machine.get(&path).await.assert_status(200);
    machine
        .get(&format!("{path}/text"))
        .await
        .assert_problem(403, "forbidden");
}

/// A cursor of one person, or of the organization's listing, is refused elsewhere.
#[tokio::test]
async fn a_cursor_does_not_cross_a_border() {
    let app = start().await;
    let (person, colleague) = (app.actor(Owner).await, app.actor(Owner).await);
    for by in [&person, &colleague] {
        draft(by, "One").await;
        draft(by, "Two").await;
    }
    for title in ["One", "Two"] {
        create(&person, "/v1/articles", json!({ "title": title })).await;
    }

    let cursor_of = async |path: &str| {
        let page = person.get(&format!("{path}?limit=1")).await;
        let page = page.assert_status(200).json();
        page["next_cursor"]
            .as_str()
            .expect("there is more")
            .to_owned()
    };
    let drafts = cursor_of("/v1/drafts").await;
    let articles = cursor_of("/v1/articles").await;

    for (by, path) in [
        (&*colleague, format!("/v1/drafts?limit=1&cursor={drafts}")),
        (
            &app.anonymous(),
            format!("/v1/published-articles?limit=1&cursor={articles}"),
        ),
    ] {
        let answer = by.get(&path).await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.text());
    }
}

/// A row that a thief moved to their account with the rights of the database's owner does not
/// open: its values are bound to the person.
#[tokio::test]
async fn a_moved_row_does_not_open() {
    const MOVE: &str = "UPDATE drafts SET user_id = $1 WHERE id::text = $2";
    const REKEY: &str = r"
        UPDATE data_keys
        SET organization_id = $1, subject_id = $1
        WHERE id = (SELECT data_key FROM drafts WHERE id::text = $2)
    ";

    let app = start().await;
    let (person, thief) = (app.actor(Agent).await, app.actor(Agent).await);
    let path = draft(&person, "Dear Ada").await;
    let id = path.rsplit('/').next().expect("a path has segments");

    // Another replica has not cached the row's key.
    let replica = app.second_replica().await;
    let thief_there = replica.client_of(&thief);

    let mut owner = app.owner().await;
    for text in [MOVE, REKEY] {
        owner
            .run(text, [thief.user().uuid().into(), id.into()])
            .await
            .expect("the owner's statement runs");

        thief_there
            .get(&format!("{path}/text"))
            .await
            .assert_problem(500, "internal_error");
        thief_there
            .get("/v1/me/export")
            .await
            .assert_problem(500, "internal_error");
    }
}

/// Rows of the platform are not written without the permission that their entity names.
#[tokio::test]
async fn rows_of_the_platform_are_written_by_permission_only() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let country = json!({ "code": "IS", "name": "Iceland" });
    let path = create(&owner, "/v1/countries", country.clone()).await;
    let before = app.contents().await;

    for (client, status, code) in [
        (&*agent, 403, "forbidden"),
        (&app.anonymous(), 401, "unauthenticated"),
    ] {
        client
            .post("/v1/countries", country.clone())
            .await
            .assert_problem(status, code);
        client
            .patch(&path, json!({ "name": "Mine" }))
            .await
            .assert_problem(status, code);
        client.delete(&path).await.assert_problem(status, code);
    }

    app.anonymous()
        .get(&path)
        .await
        .assert_problem(401, "unauthenticated");
    let after = app.contents().await;
    let changed: Vec<_> = after
        .changed_since(&before)
        .into_iter()
        .filter(|table| !table.contains("audit_events"))
        .collect();
    assert_eq!(changed, Vec::<&str>::new());
}

/// What is not published is not there for the public: in no listing, under no filter, at no path.
#[tokio::test]
async fn what_is_not_published_is_not_shown() {
    let app = start().await;
    let (owner, anyone) = (app.actor(Owner).await, app.anonymous());
    let path = create(&owner, "/v1/articles", json!({ "title": "Secret" })).await;
    let id = path.rsplit('/').next().expect("a path has segments");
    let public = format!("/v1/published-articles/{id}");

    let hidden = async |client: &Client| {
        client.get(&public).await.assert_problem(404, "not_found");
        for query in ["", "?title=Secret", "?limit=100"] {
            let listed = client.get(&format!("/v1/published-articles{query}")).await;
            assert_eq!(items(&listed.assert_status(200).json()), 0, "{query}");
        }
    };

    // Its own organization reads it elsewhere, but not here.
    hidden(&anyone).await;
    hidden(&owner).await;
    anyone
        .get(&path)
        .await
        .assert_problem(401, "unauthenticated");

    let at = app.runtime().clock.now().to_string();
    for published in [json!(at), Value::Null] {
        let change = json!({ "published_at": published });
        owner.patch(&path, change).await.assert_status(200);
        if published.is_null() {
            hidden(&anyone).await;
        } else {
            anyone.get(&public).await.assert_status(200);
        }
    }
}

/// A person's rows open after each kind of rotation, and are found by their new index.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_cover_a_persons_rows() {
    let stages = Stages::draw();
    let app = TestApp::builder(fixture::platform())
        .setting("crypto.keys", stages.announced())
        .start()
        .await;
    let (person, colleague) = (app.actor(Agent).await, app.actor(Agent).await);
    let path = draft(&person, "Dear Ada").await;
    draft(&colleague, "Dear Ada").await;

    let ring = KeyRing::parse(&stages.rotated().into()).expect("the key ring is valid");
    let tables = app.platform().tables();
    let drafts = tables.into_iter().filter(|table| table.table == "drafts");
    let mut rotation = Rotation::new(
        app.owner().await,
        (ring, app.runtime().clone()),
        drafts.collect(),
        Vec::new(),
        "test",
    );

    let moved = |rows| RotationOutcome {
        moved: rows,
        ..RotationOutcome::default()
    };
    let now = rotation.runtime().clock.now();
    let resealed = rotation.reseal(now).await.expect("the rows are resealed");
    assert_eq!(resealed, moved(2));
    let indexed = rotation.rotate_indexes().await;
    assert_eq!(indexed.expect("the indexes are rebuilt"), moved(2));

    let turned = app
        .second_replica_with([("crypto.keys", stages.rotated())])
        .await;
    let there = turned.client_of(&person);
    let text = there.get(&format!("{path}/text")).await;
    assert_eq!(text.assert_status(200).json()["body"], "Dear Ada");

    let search = json!({ "recipient": "ada@example.org" });
    let found = there.post("/v1/drafts/search", search).await;
    assert_eq!(items(&found.assert_status(200).json()), 1);
}
