//! A feature's own unique column while two keys make its index: what holds, and what does not, as `docs/keys.md` says it.

use mainstay::{crypto::KeyRing, prelude::*};
use mainstay_access::BuiltInRole;
use mainstay_database::{Rotation, RotationOutcome};
use mainstay_testing::TestApp;
use serde_json::json;

use crate::rotation::Stages;

/// A row of `badges`: nobody has the address of another.
#[derive(Entity)]
#[entity(table = "badges", resource = "badge")]
struct BadgeRow {
    id: Id<BadgeRow>,
    #[entity(blind_index = "email_index", unique)]
    email: Sealed<EmailAddress>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

permission! {
    /// Give out badges.
    BadgesWrite = "badges.write", for [Owner];
}

/// A new badge.
#[input]
struct CreateBadge {
    /// Whose it is.
    email: Sealed<EmailAddress>,
}

/// A badge.
#[view]
struct BadgeView {
    /// The badge.
    id: Id<BadgeRow>,
}

/// Give out a badge.
#[post("/v1/badges")]
async fn create_badge(
    by: Allowed<BadgesWrite>,
    Json(body): Json<CreateBadge>,
) -> Result<Created<BadgeView>, Problem> {
    let now = by.runtime().clock.now();
    let id = by.runtime().new_id();
    let badge = BadgeRow {
        id,
        email: body.email,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    by.insert(&badge).await?;
    Ok(Created(BadgeView { id }))
}

/// Take a badge back.
#[delete("/v1/badges/{id}", problems(NOT_FOUND))]
async fn delete_badge(
    by: Allowed<BadgesWrite>,
    Path(id): Path<Id<BadgeRow>>,
    at: IfMatch,
) -> Result<NoContent, Problem> {
    by.delete(id, at).await?;
    Ok(NoContent)
}

const TABLE: [&str; 2] = [
    "CREATE TABLE badges (id uuid PRIMARY KEY, organization_id uuid NOT NULL, data_key bigint, email bytea NOT NULL, \
         email_index bytea, version bigint NOT NULL, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, \
         CONSTRAINT badges_email_key UNIQUE (organization_id, email_index))",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON badges TO mainstay_server",
];

async fn start(stages: &Stages) -> TestApp {
    let module = Module::new("badges")
        .entity::<BadgeRow>()
        .endpoints((create_badge, delete_badge));
    let builder = TestApp::builder(fixture::platform().module(module))
        .setting("crypto.keys", stages.announced());
    let app = builder.start().await;
    let mut owner = app.owner().await;

    for statement in TABLE {
        owner
            .run(statement, [])
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}: {:?}", error.cause()));
    }

    app
}

async fn rotate_index(app: &TestApp, ring: String) -> RotationOutcome {
    let ring = KeyRing::parse(&ring.into()).expect("a ring");
    let tables = app.platform().tables();
    let mut rotation = Rotation::new(
        app.owner().await,
        (ring, app.runtime().clone()),
        tables,
        Vec::new(),
        "test",
    );

    rotation
        .rotate_indexes()
        .await
        .expect("it comes to its end")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_double_that_two_keys_let_in_is_found_when_the_index_is_moved() {
    let stages = Stages::draw();
    let app = start(&stages).await;
    let here = app.actor(BuiltInRole::Owner).await;
    let badge = |email: &str| json!({ "email": email });

    for name in ["ada", "bea", "cyd"] {
        here.post("/v1/badges", badge(&format!("{name}@example.org")))
            .await
            .assert_status(201);
    }
    here.post("/v1/badges", badge("ADA@example.org"))
        .await
        .assert_problem(409, "conflict");

    // A replica that has turned does not see what the others have: this is the gap.
    let turned = app
        .second_replica_with([("crypto.keys", stages.turned())])
        .await;
    let there = turned.client_of(&here);
    let double = there
        .post("/v1/badges", badge("ada@example.org"))
        .await
        .assert_status(201)
        .location();

    there
        .post("/v1/badges", badge("ada@example.org"))
        .await
        .assert_problem(409, "conflict");
    here.post("/v1/badges", badge("ada@example.org"))
        .await
        .assert_problem(409, "conflict");

    // It is found, and holds up nothing but itself.
    let outcome = rotate_index(&app, stages.turned()).await;
    assert_eq!((outcome.refused, outcome.left), (1, 0), "{outcome:?}");

    let moved = r"
            SELECT count(*)
            FROM badges
            GROUP BY substring(email_index FROM 2 FOR 4)
            ORDER BY 1
        ";
    let mut owner = app.owner().await;
    let rows = owner.run(moved, []).await.expect("it is counted");
    let counts: Vec<i64> = rows
        .iter()
        .map(|row| row.get(0).expect("a number"))
        .collect();

    assert_eq!(counts, [1, 3], "one is left under the old key");
    there.delete(&double).await.assert_status(204);

    let outcome = rotate_index(&app, stages.turned()).await;
    assert_eq!((outcome.refused, outcome.left), (0, 0), "{outcome:?}");
    for name in ["ada", "bea", "cyd"] {
        let again = there
            .post("/v1/badges", badge(&format!("{name}@example.org")))
            .await;
        again.assert_problem(409, "conflict");
    }
    assert_eq!(
        rotate_index(&app, stages.turned()).await.moved,
        0,
        "there is nothing left to move"
    );

    // Nothing of it stands where no deletion of a badge, and no erasure, would look for it.
    let elsewhere = r"
            SELECT count(*)
            FROM unique_indexes
            WHERE row_id NOT IN (SELECT id FROM users)
        ";
    let left: i64 = owner.run(elsewhere, []).await.expect("it is counted")[0]
        .get(0)
        .expect("a number");

    assert_eq!(left, 0);
}
