//! A feature's unique column during an index key rotation: what is enforced and what is not, as
//! `docs/keys.md` describes.

use mainstay::{crypto::KeyRing, prelude::*};
use mainstay_access::BuiltInRole;
use mainstay_database::{Rotation, RotationOutcome};
use mainstay_testing::TestApp;
use serde_json::json;

use crate::rotation::Stages;

/// A row of `badges`, with a unique address.
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
    /// Create and delete badges.
    BadgesWrite = "badges.write", for [Owner];
}

/// A new badge.
#[input]
struct CreateBadge {
    /// The holder's address.
    email: Sealed<EmailAddress>,
}

/// A badge.
#[view]
struct BadgeView {
    /// The badge.
    id: Id<BadgeRow>,
}

/// Create a badge.
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

/// Delete a badge.
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
    r"
        CREATE TABLE badges (
            id uuid PRIMARY KEY,
            organization_id uuid NOT NULL,
            data_key bigint,
            email bytea NOT NULL,
            email_index bytea,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            CONSTRAINT badges_email_key UNIQUE (organization_id, email_index)
        )
    ",
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
    let ring = KeyRing::parse(&ring.into()).expect("the key ring is valid");
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
        .expect("the rotation completes")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_under_two_keys_is_found_when_the_index_is_rotated() {
    let stages = Stages::draw();
    let app = start(&stages).await;
    let local = app.actor(BuiltInRole::Owner).await;
    let badge = |email: &str| json!({ "email": email });

    for name in ["ada", "bea", "cyd"] {
        local
            .post("/v1/badges", badge(&format!("{name}@example.org")))
            .await
            .assert_status(201);
    }
    local
        .post("/v1/badges", badge("ADA@example.org"))
        .await
        .assert_problem(409, "conflict");

    // A replica with the new key does not see indexes under the old one: this is the gap.
    let turned = app
        .second_replica_with([("crypto.keys", stages.rotated())])
        .await;
    let remote = turned.client_of(&local);
    let double = remote
        .post("/v1/badges", badge("ada@example.org"))
        .await
        .assert_status(201)
        .location();

    remote
        .post("/v1/badges", badge("ada@example.org"))
        .await
        .assert_problem(409, "conflict");
    local
        .post("/v1/badges", badge("ada@example.org"))
        .await
        .assert_problem(409, "conflict");

    // The duplicate is found, and blocks only itself.
    let outcome = rotate_index(&app, stages.rotated()).await;
    assert_eq!((outcome.refused, outcome.left), (1, 0), "{outcome:?}");

    let moved = r"
            SELECT count(*)
            FROM badges
            GROUP BY substring(email_index FROM 2 FOR 4)
            ORDER BY 1
        ";
    let mut owner = app.owner().await;
    let rows = owner.run(moved, []).await.expect("the rows are counted");
    let counts: Vec<i64> = rows
        .iter()
        .map(|row| row.get(0).expect("the column is a number"))
        .collect();

    assert_eq!(counts, [1, 3], "one index is left under the old key");
    remote.delete(&double).await.assert_status(204);

    let outcome = rotate_index(&app, stages.rotated()).await;
    assert_eq!((outcome.refused, outcome.left), (0, 0), "{outcome:?}");
    for name in ["ada", "bea", "cyd"] {
        let again = remote
            .post("/v1/badges", badge(&format!("{name}@example.org")))
            .await;
        again.assert_problem(409, "conflict");
    }
    assert_eq!(
        rotate_index(&app, stages.rotated()).await.moved,
        0,
        "no index is left to move"
    );

    // No index is left that a deletion or an erasure would miss.
    let elsewhere = r"
            SELECT count(*)
            FROM unique_indexes
            WHERE row_id NOT IN (SELECT id FROM users)
        ";
    let left: i64 = owner
        .run(elsewhere, [])
        .await
        .expect("the rows are counted")[0]
        .get(0)
        .expect("the column is a number");

    assert_eq!(left, 0);
}
