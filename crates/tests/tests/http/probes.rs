//! Platform features that the fixture does not use: forms, headers, two path parameters,
//! transactions, custom queries. A feature of this test uses them.

use mainstay::{access::BuiltInRole::Owner, http::Method, kernel::UserId, prelude::*};
use mainstay_testing::{Actor, TestApp};
use serde_json::json;

permission! {
    /// Create probes.
    pub ProbesWrite = "probes.write", for [Owner];
}

#[derive(Entity)]
#[entity(table = "probes", resource = "probe")]
struct ProbeRow {
    id: Id<ProbeRow>,
    label: String,
    version: i64,
    updated_at: Timestamp,
}

const TABLE: &str = r"
    CREATE TABLE probes (
        id uuid CONSTRAINT probes_pkey PRIMARY KEY,
        organization_id uuid NOT NULL,
        label text NOT NULL CONSTRAINT probes_label_key UNIQUE,
        version bigint NOT NULL,
        updated_at timestamptz NOT NULL
    )
";
const GRANTS: [&str; 3] = [
    "GRANT SELECT, INSERT, UPDATE, DELETE ON probes TO mainstay_server",
    r"
        INSERT INTO permissions (name, help)
        VALUES ('probes.write', '')
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO role_permissions
        SELECT id, 'probes.write'
        FROM roles
        WHERE name = 'owner'
        ON CONFLICT DO NOTHING
    ",
];

/// The label exists already.
const LABEL_TAKEN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "label_taken",
    "Another probe has this label.",
);

#[input]
struct CreatePair {
    #[garde(length(chars, min = 1, max = 20))]
    first: String,
    #[garde(length(chars, min = 1, max = 20))]
    second: String,
}

#[view]
struct Words {
    words: Vec<String>,
}

/// Create two probes, or none.
#[post("/v1/probes", problems(LABEL_TAKEN))]
async fn create_pair(
    by: Allowed<ProbesWrite>,
    Form(body): Form<CreatePair>,
) -> Result<NoContent, Problem> {
    let probe = |label| ProbeRow {
        id: by.runtime().new_id(),
        label,
        version: 1,
        updated_at: by.runtime().clock.now(),
    };

    let probes = [probe(body.first), probe(body.second)];
    by.transaction(async |tx| -> Result<(), Problem> {
        for probe in &probes {
            tx.insert(probe)
                .await
                .on_constraint("probes_label_key", LABEL_TAKEN)?;
        }

        Ok(())
    })
    .await?;

    Ok(NoContent)
}

/// Count the probes.
#[get("/v1/probes")]
async fn count_probes(by: Allowed<ProbesWrite>) -> Result<Json<Words>, Problem> {
    let counts = by
        .query::<(ProbeRow,), i64>("probes.count", "SELECT count(*) FROM probes", [])
        .await?;
    Ok(Json(Words {
        words: counts.iter().map(i64::to_string).collect(),
    }))
}

/// Return the input.
#[get("/v1/probes/{user}/{number}")]
async fn repeat(
    _: Public,
    Path((user, number)): Path<(UserId, u32)>,
    Header(agent): Header<UserAgent>,
) -> Result<Json<Words>, Problem> {
    let agent = agent.map_or_else(String::new, |UserAgent(agent)| agent);
    Ok(Json(Words {
        words: vec![user.to_string(), number.to_string(), agent],
    }))
}

async fn start() -> (TestApp, Actor) {
    let module = Module::new("probes").endpoints((create_pair, count_probes, repeat));
    let app = TestApp::start(fixture::platform().module(module)).await;
    let mut database = app.owner().await;
    database.run(TABLE, []).await.unwrap();
    for grant in GRANTS {
        database.run(grant, []).await.unwrap();
    }
    let owner = app.actor(Owner).await;
    (app, owner)
}

async fn submit(by: &Actor, form: &str) -> mainstay_testing::Answer {
    let content_type = "application/x-www-form-urlencoded";
    by.request(Method::POST, "/v1/probes")
        .header("content-type", content_type)
        .body(form.to_owned())
        .send()
        .await
}

#[tokio::test]
async fn a_transaction_is_atomic() {
    let (app, owner) = start().await;
    submit(&owner, "first=a&second=b%20c")
        .await
        .assert_status(204);

    let before = app.contents().await;
    submit(&owner, "first=d&second=a")
        .await
        .assert_problem(409, "label_taken");
    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
    submit(&owner, "first=d&second=e").await.assert_status(204);
    assert_eq!(owner.get("/v1/probes").await.json()["words"], json!(["4"]));

    let events = owner
        .get("/v1/audit/events?action=probe.created")
        .await
        .json();
    assert_eq!(events["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn a_form_is_checked_like_any_body() {
    let (_app, owner) = start().await;
    let refused = submit(&owner, "first=&second=b").await;
    assert_eq!(
        refused
            .assert_problem(422, "invalid_input")
            .problem()
            .errors,
        ["body/first"]
    );
    submit(&owner, "first=a&second=b&third=c")
        .await
        .assert_problem(422, "invalid_input");
    submit(&owner, "first=a&first=b&second=c")
        .await
        .assert_problem(400, "malformed_request");
    submit(&owner, "first=%ff&second=c")
        .await
        .assert_problem(400, "malformed_request");
    owner
        .post("/v1/probes", json!({}))
        .await
        .assert_problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn path_parameters_keep_their_order_and_headers_their_value() {
    let (app, owner) = start().await;
    let path = format!("/v1/probes/{}/7", owner.user());
    let request = app
        .anonymous()
        .request(Method::GET, &path)
        .header("user-agent", "probe/1.0");

    assert_eq!(
        request.send().await.json()["words"],
        json!([owner.user(), "7", "probe/1.0"])
    );

    let refused = app
        .anonymous()
        .get(&format!("/v1/probes/{}/-7", owner.user()))
        .await;
    assert_eq!(
        refused
            .assert_problem(422, "invalid_input")
            .problem()
            .errors,
        ["path/number"]
    );
}
