//! Statements about many rows: counts, updates and deletes by a filter, and upserts.

use mainstay::{access::BuiltInRole::Owner, prelude::*};
use mainstay_database::Row;
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

permission! {
    /// Change tags and leads.
    pub TagsWrite = "tags.write", for [Owner];
}

#[derive(Entity)]
#[entity(table = "tags", resource = "tag")]
struct TagRow {
    id: Id<TagRow>,
    label: String,
    colour: Option<String>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Entity)]
#[entity(table = "leads", resource = "lead")]
struct LeadRow {
    id: Id<LeadRow>,
    #[entity(blind_index = "email_index")]
    email: Sealed<EmailAddress>,
    stage: String,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SCHEMA: [&str; 5] = [
    r"
        CREATE TABLE tags (
            id uuid PRIMARY KEY,
            organization_id uuid NOT NULL,
            label text NOT NULL,
            colour text,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL,
            CONSTRAINT tags_label_key UNIQUE (organization_id, label)
        )
    ",
    r"
        CREATE TABLE leads (
            id uuid PRIMARY KEY,
            organization_id uuid NOT NULL,
            data_key bigint REFERENCES mainstay.data_keys (id),
            email bytea,
            email_index bytea,
            stage text NOT NULL,
            version bigint NOT NULL,
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
        )
    ",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON tags, leads TO mainstay_server",
    r"
        INSERT INTO mainstay.permissions (name, help)
        VALUES ('tags.write', '')
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO mainstay.role_permissions
        SELECT id, 'tags.write'
        FROM mainstay.roles
        WHERE name = 'owner'
        ON CONFLICT DO NOTHING
    ",
];

/// Another tag has the label.
const LABEL_TAKEN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "label_taken",
    "Another tag has this label.",
);

#[input]
struct PutTag {
    #[garde(length(chars, min = 1, max = 20))]
    label: String,
    colour: Option<Line<20>>,
}

#[input]
struct Which {
    colour: Option<Line<20>>,
}

#[input]
struct Repaint {
    from: Line<20>,
    to: Line<20>,
}

#[input]
struct NewLead {
    email: Sealed<EmailAddress>,
    stage: Line<20>,
}

#[input]
struct Lookup {
    email: Sealed<EmailAddress>,
}

#[input]
struct Stage {
    stage: Line<20>,
}

#[view]
struct TagView {
    id: Id<TagRow>,
    colour: Option<String>,
    version: i64,
    created_at: Timestamp,
    is_new: bool,
}

#[view]
struct Counts {
    count: u64,
    exact: bool,
    exists: bool,
}

#[view]
struct Changed {
    rows: u64,
}

impl Changed {
    fn of(rows: usize) -> Json<Self> {
        Json(Self { rows: rows as u64 })
    }
}

fn painted(colour: Option<Line<20>>) -> Filter<TagRow> {
    Filter::all().equal(
        TagRow::COLOUR,
        colour.map(|colour| Some(colour.into_string())),
    )
}

/// Create a tag, or give the one with this label another colour.
#[put("/v1/tags")]
async fn put_tag(
    by: Allowed<TagsWrite>,
    Json(body): Json<PutTag>,
) -> Result<Json<TagView>, Problem> {
    let now = by.runtime().clock.now();
    let tag = TagRow {
        id: by.runtime().new_id(),
        label: body.label,
        colour: body.colour.map(Line::into_string),
        version: 1,
        created_at: now,
        updated_at: now,
    };

    let tag = by
        .upsert(&tag, TagRow::LABEL)
        .queue(by.job("tag_put", &tag.id)?)
        .await?;

    Ok(Json(TagView {
        id: tag.row.id,
        colour: tag.row.colour,
        version: tag.row.version,
        created_at: tag.row.created_at,
        is_new: tag.is_new,
    }))
}

/// Count tags.
#[get("/v1/tags/count")]
async fn count_tags(
    by: Allowed<TagsWrite>,
    Query(which): Query<Which>,
) -> Result<Json<Counts>, Problem> {
    let total = by.count(painted(which.colour.clone())).await?;
    let exists = by.exists(painted(which.colour)).await?;

    Ok(Json(Counts {
        count: total.count,
        exact: total.exact,
        exists,
    }))
}

/// Repaint tags, and tell a job.
#[post("/v1/tags/repainting")]
async fn repaint(
    by: Allowed<TagsWrite>,
    Json(body): Json<Repaint>,
) -> Result<Json<Changed>, Problem> {
    let to = Changes::new().set(TagRow::COLOUR, Some(Some(body.to.into_string())));
    let rows = by
        .update_many(painted(Some(body.from)), to)
        .queue(by.job("tags_repainted", &())?)
        .await?;

    Ok(Changed::of(rows))
}

/// Give all tags one label.
#[post("/v1/tags/labelling", problems(LABEL_TAKEN))]
async fn label_all(by: Allowed<TagsWrite>) -> Result<Json<Changed>, Problem> {
    let same = Changes::new().set(TagRow::LABEL, "same".to_owned());
    let rows = by
        .update_many(Filter::all(), same)
        .await
        .on_constraint("tags_label_key", LABEL_TAKEN)?;

    Ok(Changed::of(rows))
}

/// Delete the tags of a colour.
#[post("/v1/tags/deletion")]
async fn delete_tags(
    by: Allowed<TagsWrite>,
    Json(which): Json<Which>,
) -> Result<Json<Changed>, Problem> {
    let rows = by.delete_many(painted(which.colour)).await?;
    Ok(Changed::of(rows))
}

/// Create a lead.
#[post("/v1/leads")]
async fn create_lead(
    by: Allowed<TagsWrite>,
    Json(body): Json<NewLead>,
) -> Result<NoContent, Problem> {
    let now = by.runtime().clock.now();
    by.insert(&LeadRow {
        id: by.runtime().new_id(),
        email: body.email,
        stage: body.stage.into_string(),
        version: 1,
        created_at: now,
        updated_at: now,
    })
    .await?;

    Ok(NoContent)
}

/// Look a lead up.
#[post("/v1/leads/lookup", problems(TOO_MANY_REQUESTS))]
async fn find_lead(
    by: Allowed<TagsWrite>,
    Json(body): Json<Lookup>,
) -> Result<Json<Counts>, Problem> {
    let same = || Filter::all().matches(LeadRow::EMAIL, Some(body.email.clone()));
    let total = by.count(same()).await?;
    let exists = by.exists(same()).await?;

    Ok(Json(Counts {
        count: total.count,
        exact: total.exact,
        exists,
    }))
}

/// Delete the leads of a stage.
#[post("/v1/leads/deletion")]
async fn delete_leads(
    by: Allowed<TagsWrite>,
    Json(body): Json<Stage>,
) -> Result<Json<Changed>, Problem> {
    let stage = Filter::all().equal(LeadRow::STAGE, Some(body.stage.into_string()));
    let rows = by.delete_many(stage).await?;
    Ok(Changed::of(rows))
}

async fn start() -> (TestApp, Actor) {
    let module = Module::new("tags")
        .endpoints((put_tag, count_tags, repaint, label_all, delete_tags))
        .endpoints((create_lead, find_lead, delete_leads))
        .entity::<LeadRow>();
    let builder =
        TestApp::builder(fixture::platform().module(module)).setting("jobs.in_process", "false");
    let app = builder.start().await;

    let mut database = app.owner().await;
    for statement in SCHEMA {
        database
            .run(statement, [])
            .await
            .expect("the owner's statement runs");
    }

    let owner = app.actor(Owner).await;
    (app, owner)
}

async fn put(by: &Actor, label: &str, colour: &str) -> Value {
    let body = json!({ "label": label, "colour": colour });
    let answer = by.put("/v1/tags", body).await;
    answer.assert_status(200).json()
}

async fn rows(by: &Actor, path: &str, body: Value) -> u64 {
    let answer = by.post(path, body).await.assert_status(200).json();
    answer["rows"].as_u64().expect("it is a number")
}

/// Runs a statement as the owner of the schema.
async fn run(app: &TestApp, text: &'static str) -> Vec<Row> {
    let rows = app.owner().await.run(text, []).await;
    rows.expect("the statement runs")
}

/// The only value of a statement, as text.
async fn one(app: &TestApp, text: &'static str) -> String {
    run(app, text).await[0].get(0).expect("it is a text")
}

/// The records about tags: their actions, and the colours before and after.
async fn records(app: &TestApp) -> Vec<(String, Option<String>, Option<String>)> {
    const FIND: &str = r"
        SELECT action, before ->> 'colour', after ->> 'colour'
        FROM mainstay.audit_events
        WHERE resource = 'tag'
        ORDER BY id
    ";

    run(app, FIND)
        .await
        .iter()
        .map(|row| {
            let text = |position| row.get(position).expect("it is a text");
            (row.get(0).expect("it is a text"), text(1), text(2))
        })
        .collect()
}

fn record(
    action: &str,
    before: Option<&str>,
    after: Option<&str>,
) -> (String, Option<String>, Option<String>) {
    let owned = |text: &str| text.to_owned();
    (owned(action), before.map(owned), after.map(owned))
}

#[tokio::test]
async fn an_upsert_inserts_once_and_then_updates() {
    let (app, owner) = start().await;

    let first = put(&owner, "urgent", "red").await;
    let second = put(&owner, "urgent", "blue").await;
    assert_eq!(
        (&first["is_new"], &second["is_new"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(
        (&first["id"], &first["created_at"]),
        (&second["id"], &second["created_at"])
    );
    assert_eq!(
        (&second["version"], &second["colour"]),
        (&json!(2), &json!("blue"))
    );

    // The same label in another organization is another row.
    let other = app.stranger(Owner).await;
    assert_eq!(put(&other, "urgent", "green").await["is_new"], true);

    assert_eq!(
        records(&app).await,
        [
            record("tag.created", None, Some("red")),
            record("tag.updated", Some("red"), Some("blue")),
            record("tag.created", None, Some("green")),
        ]
    );
    assert_eq!(
        one(
            &app,
            "SELECT count(*)::text FROM mainstay.jobs WHERE kind = 'tag_put'"
        )
        .await,
        "3"
    );
}

#[tokio::test]
async fn concurrent_upserts_make_one_row() {
    let (app, owner) = start().await;

    let puts = (0..8).map(|_| put(&owner, "urgent", "red"));
    let answers = futures_util::future::join_all(puts).await;

    let new = answers.iter().filter(|tag| tag["is_new"] == true).count();
    assert_eq!(new, 1);
    assert_eq!(
        one(&app, "SELECT max(version) || ' ' || count(*) FROM tags").await,
        "8 1"
    );
    assert_eq!(records(&app).await.len(), 8);
}

#[tokio::test]
async fn many_rows_are_updated_with_a_record_each() {
    let (app, owner) = start().await;
    let other = app.stranger(Owner).await;
    for label in ["a", "b"] {
        put(&owner, label, "red").await;
        put(&other, label, "red").await;
    }
    put(&owner, "c", "green").await;
    let before = records(&app).await.len();

    let red_to_blue = json!({ "from": "red", "to": "blue" });
    assert_eq!(
        rows(&owner, "/v1/tags/repainting", red_to_blue.clone()).await,
        2
    );
    assert_eq!(rows(&owner, "/v1/tags/repainting", red_to_blue).await, 0);

    let repainted = record("tag.updated", Some("red"), Some("blue"));
    assert_eq!(
        records(&app).await[before..],
        [repainted.clone(), repainted]
    );
    let colours = "SELECT string_agg(colour, ' ' ORDER BY colour) FROM tags";
    assert_eq!(one(&app, colours).await, "blue blue green red red");

    // A change of no row queues no job.
    let jobs = "SELECT count(*)::text FROM mainstay.jobs WHERE kind = 'tags_repainted'";
    assert_eq!(one(&app, jobs).await, "1");
}

#[tokio::test]
async fn a_change_of_many_rows_is_made_for_all_or_none() {
    let (app, owner) = start().await;
    for label in ["a", "b"] {
        put(&owner, label, "red").await;
    }
    let before = records(&app).await;

    owner
        .post("/v1/tags/labelling", json!({}))
        .await
        .assert_problem(409, "label_taken");
    assert_eq!(records(&app).await, before);

    // One more than a statement changes.
    const FILL: &str = r"
        INSERT INTO tags
        SELECT gen_random_uuid(), organization_id, n::text, 'grey', 1, now(), now()
        FROM generate_series(1, 501) AS n, (SELECT organization_id FROM tags LIMIT 1) AS own
    ";
    run(&app, FILL).await;

    for (path, body) in [
        (
            "/v1/tags/repainting",
            json!({ "from": "grey", "to": "blue" }),
        ),
        ("/v1/tags/deletion", json!({ "colour": "grey" })),
    ] {
        owner.post(path, body).await.assert_problem(409, "conflict");
    }
    assert_eq!(records(&app).await, before);
    let grey = "SELECT count(*)::text FROM tags WHERE colour = 'grey'";
    assert_eq!(one(&app, grey).await, "501");

    run(&app, "DELETE FROM tags WHERE label = '1'").await;
    assert_eq!(
        rows(&owner, "/v1/tags/deletion", json!({ "colour": "grey" })).await,
        500
    );
    assert_eq!(records(&app).await.len(), before.len() + 500);
}

#[tokio::test]
async fn deleted_rows_lose_their_data_keys() {
    const KEYS: &str =
        "SELECT count(*)::text FROM mainstay.data_keys k JOIN leads l ON l.data_key = k.id";
    const ALL_KEYS: &str = "SELECT count(*)::text FROM mainstay.data_keys";
    let (app, owner) = start().await;
    let without_leads = one(&app, ALL_KEYS).await;

    for (email, stage) in [("ada", "lost"), ("bea", "lost"), ("cyd", "won")] {
        let lead = json!({ "email": format!("{email}@example.org"), "stage": stage });
        owner.post("/v1/leads", lead).await.assert_status(204);
    }
    assert_eq!(
        rows(&owner, "/v1/leads/deletion", json!({ "stage": "lost" })).await,
        2
    );

    assert_eq!(one(&app, KEYS).await, "1");
    let left = one(&app, ALL_KEYS).await;
    assert_eq!(
        left.parse(),
        without_leads.parse().map(|keys: u64| keys + 1)
    );
}

#[tokio::test]
async fn rows_are_counted_and_found() {
    let (app, owner) = start().await;
    let other = app.stranger(Owner).await;
    put(&owner, "a", "red").await;
    put(&owner, "b", "red").await;
    put(&other, "a", "blue").await;

    let count = async |colour: &str| {
        let path = format!("/v1/tags/count?colour={colour}");
        owner.get(&path).await.assert_status(200).json()
    };
    assert_eq!(
        count("red").await,
        json!({ "count": 2, "exact": true, "exists": true })
    );
    assert_eq!(
        count("blue").await,
        json!({ "count": 0, "exact": true, "exists": false })
    );
}

#[tokio::test]
async fn a_sealed_value_is_found_on_record() {
    const SEARCHES: &str =
        "SELECT count(*)::text FROM mainstay.audit_events WHERE action = 'lead.searched'";
    let (app, owner) = start().await;
    let lead = json!({ "email": "ada@example.org", "stage": "won" });
    owner.post("/v1/leads", lead).await.assert_status(204);

    let look_up = async |email: &str| {
        let answer = owner
            .post("/v1/leads/lookup", json!({ "email": email }))
            .await;
        answer.assert_status(200).json()
    };
    assert_eq!(
        look_up("ADA@example.org").await,
        json!({ "count": 1, "exact": true, "exists": true })
    );
    assert_eq!(
        look_up("bea@example.org").await,
        json!({ "count": 0, "exact": true, "exists": false })
    );

    assert_eq!(one(&app, SEARCHES).await, "4");
}
