//! Hand-written queries of a careless colleague: each returns rows of the caller's
//! organization, or is refused.

use mainstay::{
    access::BuiltInRole::Owner,
    database::{
        sea_query::{Expr, ExprTrait as _, Func, Query as Select},
        table_of,
    },
    personal::hidden,
    personal_text,
    prelude::*,
};
use mainstay_testing::{Actor, TestApp};

permission! {
    /// Read parcels.
    pub ParcelsRead = "parcels.read", for [Owner];
}

personal_text! {
    /// A note on a parcel.
    Note, 1..=100 characters, shown as hidden;
}

#[derive(Entity)]
#[entity(table = "parcels", resource = "parcel")]
struct ParcelRow {
    id: Id<ParcelRow>,
    label: String,
    weight: i64,
    note: Sealed<Note>,
    version: i64,
    updated_at: Timestamp,
}

#[derive(Entity)]
#[entity(table = "depot.pallets", resource = "pallet")]
struct PalletRow {
    id: Id<PalletRow>,
    parcel_id: Id<ParcelRow>,
    version: i64,
    updated_at: Timestamp,
}

const SCHEMA: [&str; 8] = [
    r"
        CREATE TABLE parcels (
            id uuid PRIMARY KEY,
            organization_id uuid NOT NULL,
            data_key bigint,
            label text NOT NULL,
            weight bigint NOT NULL,
            note bytea NOT NULL,
            version bigint NOT NULL,
            updated_at timestamptz NOT NULL
        )
    ",
    "CREATE SCHEMA depot",
    r"
        CREATE TABLE depot.pallets (
            id uuid PRIMARY KEY,
            organization_id uuid NOT NULL,
            parcel_id uuid NOT NULL,
            version bigint NOT NULL,
            updated_at timestamptz NOT NULL
        )
    ",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON parcels TO mainstay_server",
    "GRANT USAGE ON SCHEMA depot TO mainstay_server",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON depot.pallets TO mainstay_server",
    r"
        INSERT INTO mainstay.permissions (name, help)
        VALUES ('parcels.read', '')
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO mainstay.role_permissions
        SELECT id, 'parcels.read'
        FROM mainstay.roles
        WHERE name = 'owner'
        ON CONFLICT DO NOTHING
    ",
];

/// Two parcels of each organization, whose labels name it, and a pallet for each parcel.
const ROWS: &str = r"
    WITH parcel AS (
        INSERT INTO parcels
        SELECT gen_random_uuid(), id, 1, 'of ' || id, weight, 'sealed', 1, now()
        FROM mainstay.organizations, generate_series(1, 2) AS weight
        RETURNING id, organization_id
    )
    INSERT INTO depot.pallets
    SELECT gen_random_uuid(), organization_id, id, 1, now()
    FROM parcel
";

/// A parcel of each organization whose sealed fields were erased.
const ERASED: &str = r"
    INSERT INTO parcels
    SELECT gen_random_uuid(), id, NULL, 'erased', 3, '', 1, now()
    FROM mainstay.organizations
";

/// Texts that would return the rows of everyone if nothing limited them.
const UNLIMITED: [&str; 20] = [
    "SELECT label FROM parcels",
    "SELECT label FROM parcels WHERE weight = 1 OR true",
    "SELECT label FROM parcels -- WHERE organization_id = $1",
    "SELECT label FROM PARCELS AS p",
    r#"SELECT "label" FROM "parcels""#,
    "SELECT p.label FROM pallets JOIN parcels p ON p.id = pallets.parcel_id",
    "SELECT p.label FROM pallets, parcels p",
    "SELECT p.label FROM parcels p LEFT JOIN pallets ON false",
    "SELECT p.label FROM pallets RIGHT JOIN parcels p ON true",
    "SELECT label FROM parcels UNION ALL SELECT label FROM parcels",
    "SELECT label FROM (SELECT * FROM parcels) AS everything",
    "SELECT (SELECT max(label) FROM parcels) FROM pallets",
    "WITH everything AS (SELECT * FROM parcels) SELECT label FROM everything",
    "WITH parcels AS (SELECT * FROM parcels) SELECT label FROM parcels",
    "WITH RECURSIVE r AS (SELECT label, 1 AS n FROM parcels UNION ALL SELECT label, n + 1 FROM r WHERE n < 2) \
     SELECT label FROM r",
    "SELECT q.label FROM pallets CROSS JOIN LATERAL (SELECT label FROM parcels) AS q",
    "SELECT parcels::text FROM parcels",
    "SELECT row_to.value FROM parcels CROSS JOIN LATERAL jsonb_each_text(to_jsonb(parcels)) AS row_to (key, value) \
     WHERE row_to.key = 'label'",
    "SELECT string_agg(label, ' ') FROM parcels",
    "SELECT min(label) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM parcels",
];

/// Texts that reach for something else.
const REFUSED: [&str; 36] = [
    "SELECT label FROM public.parcels",
    "SELECT id::text FROM depot.pallets",
    r#"SELECT label FROM "public"."parcels""#,
    "SELECT email::text FROM users",
    "SELECT id::text FROM mainstay.users",
    "SELECT relname::text FROM pg_class",
    "SELECT usename::text FROM pg_user",
    "SELECT table_name::text FROM information_schema.tables",
    "SELECT note::text FROM parcels",
    "SELECT data_key::text FROM parcels",
    "SELECT label FROM parcels; SELECT label FROM parcels",
    "SELECT label FROM parcels); SELECT label FROM (SELECT * FROM parcels",
    "TABLE parcels",
    "SELECT label FROM parcels FOR UPDATE",
    "SELECT label INTO copied FROM parcels",
    "DELETE FROM parcels RETURNING label",
    "WITH gone AS (DELETE FROM parcels RETURNING label) SELECT label FROM gone",
    "WITH gone AS (UPDATE parcels SET weight = 0 RETURNING label) SELECT label FROM gone",
    "WITH a AS (SELECT label FROM users), users AS (SELECT label FROM parcels) SELECT label FROM a",
    "SELECT a.label FROM (WITH users AS (SELECT label FROM parcels) SELECT label FROM users) a, users",
    "COPY parcels TO STDOUT",
    "EXPLAIN SELECT label FROM parcels",
    "SELECT query_to_xml('SELECT label FROM public.parcels', true, true, '')::text",
    "SELECT table_to_xml('public.parcels', true, true, '')::text",
    "SELECT set_config('search_path', 'public', false)",
    "SELECT current_setting('data_directory')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_sleep(60)::text",
    "SELECT nextval('mainstay.audit_seal')::text",
    "SELECT mainstay.count_refusal('x', now())::text",
    "SELECT pg_catalog.pg_ls_dir('.')",
    "SELECT ('/etc/passwd'::text).pg_read_file",
    "SELECT t.pg_read_file FROM unnest(ARRAY['/etc/passwd']) AS t",
    r"SELECT label FROM parcels WHERE label = '\'' UNION SELECT label FROM public.parcels --'",
    "SELECT 'public.parcels'::regclass::text",
    "SELECT l.label FROM dblink('', 'SELECT label FROM parcels') AS l (label text)",
];

#[view]
struct Labels {
    labels: Vec<String>,
}

/// Ask.
#[get("/v1/parcels/unlimited/{number}")]
async fn unlimited(
    by: Allowed<ParcelsRead>,
    Path(number): Path<u32>,
) -> Result<Json<Labels>, Problem> {
    let labels = by
        .query::<(ParcelRow, PalletRow), _>("parcels.ask", UNLIMITED[number as usize], [])
        .await?;
    Ok(Json(Labels { labels }))
}

/// Ask for something else.
#[get("/v1/parcels/refused/{number}")]
async fn refused(
    by: Allowed<ParcelsRead>,
    Path(number): Path<u32>,
) -> Result<Json<Labels>, Problem> {
    let labels = by
        .query::<(ParcelRow, PalletRow), _>("parcels.ask", REFUSED[number as usize], [])
        .await?;
    Ok(Json(Labels { labels }))
}

#[derive(FromRow)]
struct Weight {
    label: String,
    #[from_row(column = "pallets")]
    count: i64,
    total: Option<String>,
}

/// Ask by columns.
#[get("/v1/parcels/built")]
async fn built(by: Allowed<ParcelsRead>) -> Result<Json<Labels>, Problem> {
    let mut select = Select::select();
    select
        .column(ParcelRow::LABEL)
        .expr_as(Expr::col(PalletRow::ID).count(), "pallets")
        .expr_as(
            Expr::from(Func::sum(Expr::col(ParcelRow::WEIGHT))).cast_as("text"),
            "total",
        )
        .from(table_of::<ParcelRow>())
        .inner_join(
            table_of::<PalletRow>(),
            Expr::col(PalletRow::PARCEL_ID).equals(ParcelRow::ID),
        )
        .and_where(ParcelRow::WEIGHT.is(&2))
        .add_group_by([Expr::from(ParcelRow::LABEL)]);

    let weights: Vec<Weight> = by
        .query_select::<(ParcelRow, PalletRow), _>("parcels.built", select)
        .await?;

    let labels = weights
        .into_iter()
        .map(|weight| format!("{} {} {:?}", weight.label, weight.count, weight.total));
    Ok(Json(Labels {
        labels: labels.collect(),
    }))
}

#[derive(FromRow)]
#[expect(dead_code, reason = "it is never read")]
struct Mistaken {
    label: i64,
    size: i64,
    weight: i64,
}

/// Read other columns than the text returns, also where there are no rows.
#[get("/v1/parcels/mistaken/{weight}")]
async fn mistaken(by: Allowed<ParcelsRead>, Path(weight): Path<i64>) -> Result<NoContent, Problem> {
    const TEXT: &str = "SELECT label, weight FROM parcels WHERE weight = $1";

    let rows = by.query::<(ParcelRow,), Mistaken>("parcels.mistaken", TEXT, values![weight]);
    let error = rows
        .await
        .map(|rows| rows.len())
        .expect_err("two columns are wrong");
    let cause = error.cause().unwrap_or_default();
    assert!(
        cause.contains("the column label is TEXT, not i64; no column size")
            && !cause.contains("weight is"),
        "{cause}"
    );

    Ok(NoContent)
}

async fn start() -> (TestApp, Actor, Actor) {
    let module = Module::new("parcels").endpoints((unlimited, refused, built, mistaken));
    let app = TestApp::start(fixture::platform().module(module)).await;
    run(&app, &SCHEMA).await;

    let (own, other) = (app.actor(Owner).await, app.stranger(Owner).await);
    run(&app, &[ROWS, ERASED]).await;

    (app, own, other)
}

async fn run(app: &TestApp, statements: &[&'static str]) {
    let mut database = app.owner().await;
    for statement in statements {
        database
            .run(statement, [])
            .await
            .unwrap_or_else(|error| panic!("{statement}: {:?}", error.cause()));
    }
}

fn labels(body: &serde_json::Value) -> Vec<String> {
    serde_json::from_value(body["labels"].clone()).expect("the answer has labels")
}

#[tokio::test]
async fn a_query_returns_own_rows_only() {
    let (_app, own, other) = start().await;

    for (number, text) in UNLIMITED.iter().enumerate() {
        let path = format!("/v1/parcels/unlimited/{number}");
        let mut seen = Vec::new();

        for actor in [&own, &other] {
            let answer = actor.get(&path).await;
            answer.assert_status(200);
            let labels = labels(&answer.json());
            assert!(!labels.is_empty(), "{text}");
            seen.push(labels);
        }

        let organization = own.organization().to_string();
        assert!(
            seen[0].iter().all(|label| label.contains(&organization)),
            "{text}: {seen:?}"
        );
        assert!(
            !seen[1].iter().any(|label| label.contains(&organization)),
            "{text}: {seen:?}"
        );
    }
}

#[tokio::test]
async fn a_query_that_reaches_for_more_is_refused() {
    let (app, own, _) = start().await;
    let before = app.contents().await;

    for (number, text) in REFUSED.iter().enumerate() {
        let answer = own.get(&format!("/v1/parcels/refused/{number}")).await;
        assert_eq!(answer.status, 500, "{text}");
    }

    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn a_query_of_typed_columns_joins_and_groups() {
    let (_app, own, _) = start().await;
    let answer = own.get("/v1/parcels/built").await;
    let expected = format!("of {} 1 Some(\"2\")", own.organization());
    assert_eq!(labels(&answer.json()), [expected]);
}

#[tokio::test]
async fn an_error_names_all_columns_that_do_not_fit() {
    let (_app, own, _) = start().await;
    for weight in [1, 1_000] {
        own.get(&format!("/v1/parcels/mistaken/{weight}"))
            .await
            .assert_status(204);
    }
}
