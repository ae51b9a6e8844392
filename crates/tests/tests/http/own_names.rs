//! An app with tables of the same names as the platform's: `users`, `jobs` and `roles`. Each finds
//! its own rows.

use mainstay::{
    DataMap,
    access::BuiltInRole::Owner,
    database::{Migration, Migrations, Value},
    personal_text,
    prelude::*,
};
use mainstay_testing::{Actor, PASSWORD, TestApp};
use serde_json::json;

personal_text! {
    /// A sailor's name.
    pub SailorName, 1..=200 characters, shown as personal::initials;
}

permission! {
    /// See and change the crew.
    pub CrewWrite = "crew.write", for [Owner];
    /// See names in clear.
    pub CrewReveal = "crew.reveal", for [Owner];
}

/// A row of the app's `users`.
#[derive(Entity)]
#[entity(table = "users", resource = "sailor", reveal = CrewReveal)]
struct SailorRow {
    id: Id<SailorRow>,
    name: Sealed<SailorName>,
    #[entity(blind_index = "email_index")]
    email: Sealed<EmailAddress>,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// A row of the app's `jobs`.
#[derive(Entity)]
#[entity(table = "jobs", resource = "duty")]
struct DutyRow {
    id: Id<DutyRow>,
    title: String,
}

/// A row of the app's `roles`.
#[derive(Entity)]
#[entity(table = "roles", resource = "rank")]
struct RankRow {
    id: Id<RankRow>,
    title: String,
}

const SCHEMA: &str = "
    CREATE TABLE users (
        id              uuid        CONSTRAINT users_pkey PRIMARY KEY,
        organization_id uuid        NOT NULL
            CONSTRAINT users_organization_id_fkey REFERENCES mainstay.organizations (id),
        data_key        bigint,
        name            bytea       NOT NULL,
        email           bytea       NOT NULL,
        email_index     bytea,
        version         bigint      NOT NULL,
        created_at      timestamptz NOT NULL,
        updated_at      timestamptz NOT NULL
    );
    CREATE TABLE jobs (
        id              uuid CONSTRAINT jobs_pkey PRIMARY KEY,
        organization_id uuid NOT NULL,
        title           text NOT NULL
    );
    CREATE TABLE roles (
        id              uuid CONSTRAINT roles_pkey PRIMARY KEY,
        organization_id uuid NOT NULL,
        title           text NOT NULL
    );
    COMMENT ON TABLE users IS 'The sailors of a ship.';
    GRANT SELECT, INSERT, UPDATE, DELETE ON users, jobs, roles TO mainstay_server;
";

/// A new sailor.
#[input]
struct CreateSailor {
    /// The sailor's name.
    name: Sealed<SailorName>,
    /// The sailor's e-mail address.
    email: Sealed<EmailAddress>,
    /// The sailor's duty.
    #[garde(length(chars, min = 1, max = 50))]
    duty: String,
    /// The sailor's rank.
    #[garde(length(chars, min = 1, max = 50))]
    rank: String,
}

/// Search criteria.
#[input]
struct FindSailors {
    /// The e-mail address.
    email: Sealed<EmailAddress>,
    /// Maximum number of sailors.
    limit: Limit,
}

/// A sailor with masked fields.
#[view]
struct SailorView {
    /// The sailor.
    id: Id<SailorRow>,
    /// Masked.
    name: Masked,
}

impl SailorView {
    fn of(row: SailorRow) -> Self {
        Self {
            id: row.id,
            name: row.name.masked(),
        }
    }
}

/// Create a sailor.
#[post("/v1/sailors")]
async fn create_sailor(
    by: Allowed<CrewWrite>,
    Json(body): Json<CreateSailor>,
) -> Result<Created<SailorView>, Problem> {
    let now = by.runtime().clock.now();
    let sailor = SailorRow {
        id: by.runtime().new_id(),
        name: body.name,
        email: body.email,
        version: 1,
        created_at: now,
        updated_at: now,
    };

    by.insert(&sailor).await?;
    by.insert(&DutyRow {
        id: by.runtime().new_id(),
        title: body.duty,
    })
    .await?;
    by.insert(&RankRow {
        id: by.runtime().new_id(),
        title: body.rank,
    })
    .await?;

    Ok(Created(SailorView::of(sailor)))
}

/// Search sailors.
#[post("/v1/sailors/search")]
async fn search_sailors(
    by: Allowed<CrewWrite>,
    Json(body): Json<FindSailors>,
) -> Result<PageOf<SailorView>, Problem> {
    let filter = Filter::all().matches(SailorRow::EMAIL, Some(body.email));
    let order = Order::by(SailorRow::CREATED_AT, Direction::Ascending);

    Ok(PageOf::new(
        by.page(filter, order, body.limit, None).await?,
        SailorView::of,
    ))
}

/// Show a sailor.
#[get("/v1/sailors/{id}", problems(NOT_FOUND))]
async fn get_sailor(
    by: Allowed<CrewWrite>,
    Path(id): Path<Id<SailorRow>>,
) -> Result<Json<SailorView>, Problem> {
    Ok(Json(SailorView::of(by.get(id).await?)))
}

/// Erase a sailor.
#[post("/v1/sailors/{id}/erasure", problems(NOT_FOUND))]
async fn erase_sailor(
    by: Allowed<CrewWrite>,
    Path(id): Path<Id<SailorRow>>,
) -> Result<NoContent, Problem> {
    by.erase::<SailorRow>(id).await?;

    Ok(NoContent)
}

async fn start() -> TestApp {
    let info = Info {
        title: "Crews",
        version: "1.0.0",
        description: "Keeps the crews of ships.",
    };
    let migration = Migration::unapplied("V1__crews", SCHEMA).unwrap();
    let module = Module::new("crews")
        .entity::<SailorRow>()
        .entity::<DutyRow>()
        .entity::<RankRow>()
        .endpoints((create_sailor, search_sailors, get_sailor, erase_sailor));

    TestApp::start(
        Platform::new(info)
            .migrations(Migrations::new(&[migration]))
            .module(module),
    )
    .await
}

async fn take_on(owner: &Actor) -> String {
    let body = json!({
        "name": "Grace Hopper",
        "email": owner.email(),
        "duty": "navigate",
        "rank": "admiral",
    });
    let created = owner.post("/v1/sailors", body).await;

    created.assert_status(201).location().to_owned()
}

#[tokio::test]
async fn an_app_keeps_rows_in_tables_of_the_platforms_names() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = take_on(&owner).await;

    let shown = owner.get(&path).await.assert_status(200).json();
    assert_eq!(shown["name"], "G. H.");

    let by_address = json!({ "email": owner.email(), "limit": 10 });
    let found = owner.post("/v1/sailors/search", by_address).await;
    assert_eq!(found.assert_status(200).json()["items"], json!([shown]));

    owner
        .post(&format!("{path}/erasure"), json!({}))
        .await
        .assert_status(204);
    owner.get(&path).await.assert_problem(404, "not_found");

    // The account with the same address is another row, of another table.
    owner.get("/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn sign_in_works_next_to_the_apps_tables() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    take_on(&owner).await;

    let credentials = json!({ "email": owner.email(), "password": PASSWORD });
    let session = app.anonymous().post("/v1/sessions", credentials).await;
    let session = session.assert_status(201).json();
    let signed_in = app
        .anonymous()
        .with_token(session["access_token"].as_str().unwrap());
    assert_eq!(
        signed_in.get("/v1/me").await.assert_status(200).json()["email"],
        owner.email()
    );

    // Roles and jobs are also the platform's.
    owner
        .post(
            "/v1/roles",
            json!({ "name": "mate", "permissions": ["crew.write"] }),
        )
        .await
        .assert_status(201);
    app.anonymous()
        .post("/v1/password-resets", json!({ "email": owner.email() }))
        .await
        .assert_status(202);
    assert!(!app.mail_to(owner.email()).await.link_token().is_empty());
}

/// Retention rules, the data map and statements keep two tables of one name apart.
#[tokio::test]
async fn tables_of_one_name_are_kept_apart() {
    const SEARCH_PATH: &str = "SELECT current_setting('search_path')";

    let app = start().await;
    let rules = app.platform().retention_rules();
    let map = DataMap::read(app.platform(), app.database(), &rules)
        .await
        .unwrap();
    let purpose = |name: &str| {
        let found = map.tables.iter().find(|table| table.table == name);
        found
            .unwrap_or_else(|| panic!("{name} is missing"))
            .purpose
            .clone()
    };

    assert_eq!(purpose("users"), "The sailors of a ship.");
    assert!(purpose("mainstay.users").starts_with("Accounts."));

    // A statement of the platform that forgets the schema would find the app's table: the serving
    // role's path has no other.
    let mut serving = app.serving_role().await;
    let rows = serving.run(SEARCH_PATH, Vec::<Value>::new()).await.unwrap();
    assert_eq!(rows[0].get::<String>(0).unwrap(), "\"$user\", public");

    let owner = app.actor(Owner).await;
    take_on(&owner).await;
    let count = "SELECT (SELECT count(*) FROM public.users), (SELECT count(*) FROM mainstay.users)";
    let rows = app.owner().await.run(count, []).await.unwrap();
    assert_eq!(
        (
            rows[0].get::<i64>(0).unwrap(),
            rows[0].get::<i64>(1).unwrap()
        ),
        (1, 1)
    );
}
