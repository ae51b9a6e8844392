//! A feature's unique sealed column while two index keys are in use: replicas with different primary
//! keys never accept one value twice, and a value that no row has any more is free, as
//! `docs/keys.md` describes.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt as _, future::join_all};
use mainstay::{crypto::KeyRing, http::Method, prelude::*};
use mainstay_access::BuiltInRole;
use mainstay_database::{Rotation, RotationOutcome};
use mainstay_testing::{Answer, Client, Replica, TestApp, checks};
use serde_json::{Value, json};

use crate::{locks::Held, rotation::Stages};

/// A row of `badges`, with a unique address and a unique second address, which may be missing.
#[derive(Entity)]
#[entity(table = "badges", resource = "badge")]
struct BadgeRow {
    id: Id<BadgeRow>,
    #[entity(blind_index = "email_index", unique = "badges_email_key")]
    email: Sealed<EmailAddress>,
    #[entity(blind_index = "spare_index", unique = "badges_spare_key")]
    spare: Option<Sealed<EmailAddress>>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

permission! {
    /// Create, change and delete badges.
    BadgesWrite = "badges.write", for [Owner];
}

/// Another badge has the address.
const EMAIL_TAKEN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "email_taken",
    "Another badge has this address.",
);

/// Another badge has the second address.
const SPARE_TAKEN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "spare_taken",
    "Another badge has this second address.",
);

/// A new badge.
#[input]
struct CreateBadge {
    /// The holder's address.
    email: Sealed<EmailAddress>,
    /// The holder's second address.
    spare: Option<Sealed<EmailAddress>>,
}

/// Several new badges.
#[input]
struct CreateBadges {
    /// The holders' addresses.
    #[garde(length(min = 1, max = 10))]
    emails: Vec<Sealed<EmailAddress>>,
}

/// A change of a badge.
#[input]
struct UpdateBadge {
    /// The holder's address.
    #[serde(default)]
    email: Patch<Sealed<EmailAddress>>,
    /// The holder's second address.
    #[serde(default)]
    spare: Patch<Option<Sealed<EmailAddress>>>,
}

/// A badge.
#[view]
struct BadgeView {
    /// The badge.
    id: Id<BadgeRow>,
}

/// Create a badge.
#[post("/v1/badges", problems(EMAIL_TAKEN, SPARE_TAKEN))]
async fn create_badge(
    by: Allowed<BadgesWrite>,
    Json(body): Json<CreateBadge>,
) -> Result<Created<BadgeView>, Problem> {
    let badge = badge(&by, body.email, body.spare);
    by.insert(&badge)
        .await
        .on_constraint("badges_email_key", EMAIL_TAKEN)
        .on_constraint("badges_spare_key", SPARE_TAKEN)?;
    Ok(Created(BadgeView { id: badge.id }))
}

/// Create several badges.
#[post("/v1/badges/batch", problems(EMAIL_TAKEN))]
async fn create_badges(
    by: Allowed<BadgesWrite>,
    Json(body): Json<CreateBadges>,
) -> Result<NoContent, Problem> {
    let badges: Vec<_> = body
        .emails
        .into_iter()
        .map(|email| badge(&by, email, None))
        .collect();
    by.insert_many(&badges)
        .await
        .on_constraint("badges_email_key", EMAIL_TAKEN)?;
    Ok(NoContent)
}

/// Update a badge.
#[patch("/v1/badges/{id}", problems(NOT_FOUND, EMAIL_TAKEN, SPARE_TAKEN))]
async fn update_badge(
    by: Allowed<BadgesWrite>,
    Path(id): Path<Id<BadgeRow>>,
    at: IfMatch,
    Json(body): Json<UpdateBadge>,
) -> Result<NoContent, Problem> {
    let changes = Changes::new()
        .set(BadgeRow::EMAIL, body.email)
        .set(BadgeRow::SPARE, body.spare);
    by.update(id, at, changes)
        .await
        .on_constraint("badges_email_key", EMAIL_TAKEN)
        .on_constraint("badges_spare_key", SPARE_TAKEN)?;
    Ok(NoContent)
}

/// Erase the holder of a badge.
#[post("/v1/badges/{id}/erasure", problems(NOT_FOUND))]
async fn erase_badge(
    by: Allowed<BadgesWrite>,
    Path(id): Path<Id<BadgeRow>>,
) -> Result<NoContent, Problem> {
    by.erase(id).await?;
    Ok(NoContent)
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

fn badge(
    by: &Allowed<BadgesWrite>,
    email: Sealed<EmailAddress>,
    spare: Option<Sealed<EmailAddress>>,
) -> BadgeRow {
    let now = by.runtime().clock.now();
    BadgeRow {
        id: by.runtime().new_id(),
        email,
        spare,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

const TABLE: [&str; 4] = [
    r"
        CREATE TABLE badges (
            id uuid PRIMARY KEY,
            organization_id uuid NOT NULL,
            data_key bigint,
            email bytea NOT NULL,
            email_index bytea,
            spare bytea,
            spare_index bytea,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            CONSTRAINT badges_email_key UNIQUE (organization_id, email_index),
            CONSTRAINT badges_spare_key UNIQUE (organization_id, spare_index)
        )
    ",
    r"
        CREATE TRIGGER badges_release_email
            BEFORE DELETE OR UPDATE OF email_index ON badges
            FOR EACH ROW EXECUTE FUNCTION mainstay.release_unique_index('badges_email_key')
    ",
    r"
        CREATE TRIGGER badges_release_spare
            BEFORE DELETE OR UPDATE OF spare_index ON badges
            FOR EACH ROW EXECUTE FUNCTION mainstay.release_unique_index('badges_spare_key')
    ",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON badges TO mainstay_server",
];

/// A rotation also moves the address of the account that calls.
const ACCOUNT: u64 = 1;

/// A service whose replicas are at two stages of a rotation.
struct Service {
    stages: Stages,
    app: TestApp,
    /// A replica that indexes under the old key.
    local: Client,
    /// A replica that indexes under the new key.
    remote: Client,
    _replica: Replica,
}

impl Service {
    async fn start() -> Self {
        let stages = Stages::draw();
        let module = Module::new("badges").entity::<BadgeRow>().endpoints((
            create_badge,
            create_badges,
            update_badge,
            erase_badge,
            delete_badge,
        ));
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

        let actor = app.actor(BuiltInRole::Owner).await;
        let replica = app
            .second_replica_with([("crypto.keys", stages.rotated())])
            .await;

        Self {
            stages,
            local: actor.with_token(actor.token()),
            remote: replica.client_of(&actor),
            app,
            _replica: replica,
        }
    }

    async fn rotate_index(&self, ring: String) -> RotationOutcome {
        let ring = KeyRing::parse(&ring.into()).expect("the key ring is valid");
        let tables = self.app.platform().tables();
        let mut rotation = Rotation::new(
            self.app.owner().await,
            (ring, self.app.runtime().clone()),
            tables,
            Vec::new(),
            "test",
        );

        rotation
            .rotate_indexes()
            .await
            .expect("the rotation completes")
    }

    async fn count(&self, query: &'static str) -> i64 {
        let rows = self.app.owner().await.run(query, []).await;
        rows.expect("the rows are counted")[0]
            .get(0)
            .expect("the count is a number")
    }

    /// The claims of badges.
    async fn claims(&self) -> i64 {
        const CLAIMS: &str = r"
            SELECT count(*)
            FROM mainstay.unique_indexes
            WHERE constraint_name LIKE 'badges%'
        ";
        self.count(CLAIMS).await
    }
}

async fn create(client: &Client, name: &str) -> String {
    let badge = json!({ "email": format!("{name}@example.org") });
    let answer = client.post("/v1/badges", badge).await;
    answer.assert_status(201).location()
}

fn email(name: &str) -> Value {
    json!({ "email": format!("{name}@example.org") })
}

async fn assert_taken(client: &Client, name: &str) {
    client
        .post("/v1/badges", email(name))
        .await
        .assert_problem(409, "email_taken");
}

/// Changes a badge, which is at `version`.
async fn update(client: &Client, path: &str, version: u64, change: Value) -> Answer {
    client
        .request(Method::PATCH, path)
        .header("if-match", &format!("\"{version}\""))
        .json(&change)
        .send()
        .await
}

async fn delete(client: &Client, path: &str, versions: &str) -> Answer {
    client
        .request(Method::DELETE, path)
        .header("if-match", versions)
        .send()
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_with_different_index_keys_accept_a_value_once() {
    let service = Service::start().await;
    let (local, remote) = (&service.local, &service.remote);
    create(local, "ada").await;
    create(remote, "bea").await;

    for client in [local, remote] {
        assert_taken(client, "ADA").await;
        assert_taken(client, "bea").await;

        let batch = json!({ "emails": ["cyd@example.org", "ada@example.org", "bea@example.org"] });
        client
            .post("/v1/badges/batch", batch)
            .await
            .assert_problem(409, "email_taken");
        let batch = json!({ "emails": ["dan@example.org", "Dan@example.org"] });
        client
            .post("/v1/badges/batch", batch)
            .await
            .assert_problem(409, "email_taken");
    }

    let batch = json!({ "emails": ["cyd@example.org", "dan@example.org"] });
    remote
        .post("/v1/badges/batch", batch)
        .await
        .assert_status(204);
    for name in ["cyd", "dan"] {
        assert_taken(local, name).await;
    }

    // Another organization has values of its own.
    let other = service.app.stranger(BuiltInRole::Owner).await;
    other
        .post("/v1/badges", email("ada"))
        .await
        .assert_status(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_replicas_that_write_a_value_at_once_one_is_refused() {
    const VALUES: usize = 24;
    let service = Service::start().await;

    let writes = (0..VALUES * 2).map(|number| {
        let client = [&service.local, &service.remote][number % 2];
        let value = email(&format!("value{}", number / 2));
        async move { client.post("/v1/badges", value).await.status.as_u16() }
    });
    let mut statuses = join_all(writes).await;
    statuses.sort_unstable();

    assert_eq!(statuses[..VALUES], [201; VALUES]);
    assert_eq!(statuses[VALUES..], [409; VALUES]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_value_is_taken_and_the_former_one_is_free() {
    let service = Service::start().await;
    let (local, remote) = (&service.local, &service.remote);
    let ada = create(local, "ada").await;
    let bea = create(remote, "bea").await;

    // Each replica changes a badge that the other one wrote.
    update(remote, &ada, 1, email("bea"))
        .await
        .assert_problem(409, "email_taken");
    update(local, &bea, 1, email("ada"))
        .await
        .assert_problem(409, "email_taken");
    update(remote, &ada, 1, email("ADA"))
        .await
        .assert_status(204);
    update(remote, &ada, 2, email("eve"))
        .await
        .assert_status(204);
    assert_taken(local, "eve").await;
    create(local, "ada").await;

    // Two unique columns of a row do not mix.
    let spare = |name: &str| json!({ "spare": format!("{name}@example.org") });
    update(local, &bea, 1, spare("eve"))
        .await
        .assert_status(204);
    update(remote, &ada, 3, spare("eve"))
        .await
        .assert_problem(409, "spare_taken");
    update(remote, &bea, 2, json!({ "spare": null }))
        .await
        .assert_status(204);
    update(remote, &ada, 3, spare("eve"))
        .await
        .assert_status(204);
    assert_taken(local, "eve").await;
    assert_taken(local, "bea").await;

    // Three addresses and one second address, each under two keys.
    assert_eq!(service.claims().await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_or_erased_value_is_free() {
    const ERASED: &str = r"
        SELECT count(*)
        FROM badges
        WHERE data_key IS NULL AND email_index IS NULL
    ";
    let service = Service::start().await;
    let (local, remote) = (&service.local, &service.remote);

    let ada = create(local, "ada").await;
    delete(remote, &ada, "\"1\"").await.assert_status(204);
    assert_eq!(service.claims().await, 0);

    let bea = create(remote, "bea").await;
    local
        .request(Method::POST, &format!("{bea}/erasure"))
        .send()
        .await
        .assert_status(204);
    assert_eq!(service.count(ERASED).await, 1);
    assert_eq!(service.claims().await, 0);

    create(remote, "ada").await;
    create(local, "bea").await;
}

/// The deletion starts before the change is committed, so its snapshot does not contain what the
/// change claimed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_frees_a_value_that_was_written_while_it_waited() {
    const BADGE: &str = r"
        SELECT FROM badges
        WHERE id = $1
        FOR UPDATE
    ";
    let service = Service::start().await;
    let ada = create(&service.local, "ada").await;
    let id = ada
        .rsplit('/')
        .next()
        .and_then(|id| id.parse().ok())
        .expect("the path ends with an ID");

    let held = Held::row(&service.app, BADGE, id).await;
    let (changed, deleted) = held
        .in_order(
            update(&service.remote, &ada, 1, email("eve")),
            delete(&service.local, &ada, "\"1\", \"2\""),
        )
        .await;
    changed.assert_status(204);
    deleted.assert_status(204);

    assert_eq!(service.claims().await, 0);
    create(&service.local, "eve").await;
}

/// Rows from before the column was unique have no claims until their index is rotated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_without_claims_are_taken_and_claimed_by_a_rotation() {
    const FORGET: &str = r"
        DELETE FROM mainstay.unique_indexes
        WHERE constraint_name LIKE 'badges%'
    ";
    let service = Service::start().await;
    create(&service.local, "ada").await;
    let bea = create(&service.local, "bea").await;
    let mut owner = service.app.owner().await;
    owner.run(FORGET, []).await.expect("the claims are deleted");

    assert_taken(&service.remote, "ada").await;
    update(&service.remote, &bea, 1, email("ada"))
        .await
        .assert_problem(409, "email_taken");

    let outcome = service.rotate_index(service.stages.rotated()).await;
    assert_eq!(
        (outcome.moved, outcome.refused, outcome.left),
        (2 + ACCOUNT, 0, 0),
        "{outcome:?}"
    );
    assert_eq!(service.claims().await, 4);
    for client in [&service.local, &service.remote] {
        assert_taken(client, "ada").await;
        assert_taken(client, "bea").await;
    }
}

/// Rows that were written twice before the column was unique.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_reports_values_that_two_rows_already_have() {
    let service = Service::start().await;
    create(&service.local, "ada").await;
    create(&service.local, "bea").await;
    let mut owner = service.app.owner().await;
    let mut run = async |statement: &'static str| {
        owner
            .run(statement, [])
            .await
            .unwrap_or_else(|error| panic!("{statement}: {:?}", error.cause()))
    };

    run("CREATE TABLE kept AS SELECT id, email_index FROM badges").await;
    run("UPDATE badges SET email_index = NULL").await;
    let double = create(&service.remote, "ada").await;
    run("UPDATE badges b SET email_index = k.email_index FROM kept k WHERE k.id = b.id").await;

    let outcome = service.rotate_index(service.stages.rotated()).await;
    assert_eq!(
        (outcome.moved, outcome.refused, outcome.left),
        (1 + ACCOUNT, 1, 0),
        "{outcome:?}"
    );

    delete(&service.remote, &double, "\"1\"")
        .await
        .assert_status(204);
    let outcome = service.rotate_index(service.stages.rotated()).await;
    assert_eq!(
        (outcome.moved, outcome.refused, outcome.left),
        (1, 0, 0),
        "{outcome:?}"
    );
    assert_taken(&service.local, "ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_moves_unique_values_until_the_old_key_is_dropped() {
    let service = Service::start().await;
    let ada = create(&service.local, "ada").await;
    create(&service.remote, "bea").await;

    let outcome = service.rotate_index(service.stages.rotated()).await;
    assert_eq!(
        (outcome.moved, outcome.refused, outcome.left),
        (1 + ACCOUNT, 0, 0),
        "{outcome:?}"
    );
    assert_eq!(service.claims().await, 4);

    let outcome = service.rotate_index(service.stages.dropped()).await;
    assert_eq!(outcome.left, 0, "{outcome:?}");
    assert_eq!(
        service.claims().await,
        2,
        "claims under the old key are gone"
    );
    assert_taken(&service.remote, "ada").await;
    assert_taken(&service.remote, "bea").await;

    update(&service.remote, &ada, 1, email("eve"))
        .await
        .assert_status(204);
    create(&service.remote, "ada").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unique_column_without_its_trigger_is_found() {
    let service = Service::start().await;
    checks::unique_columns(&service.app).await;

    let mut owner = service.app.owner().await;
    owner
        .run("DROP TRIGGER badges_release_spare ON badges", [])
        .await
        .expect("the trigger is dropped");
    let found = AssertUnwindSafe(checks::unique_columns(&service.app))
        .catch_unwind()
        .await
        .expect_err("the check fails");
    let message = found.downcast_ref::<String>().expect("it is a text");

    assert!(message.starts_with("badges.spare_index"), "{message}");
}
