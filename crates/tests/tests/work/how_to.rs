//! The code in docs/how-to.md is copied from this file and from [`OTHER_SOURCES`], and does what the
//! page says.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use futures_util::future::BoxFuture;
use mainstay::{
    access::BuiltInRole::Owner,
    http::{Listing, WebPage},
    prelude::*,
};
use mainstay_testing::{Builder, TestApp};
use mainstay_tests::root;
use serde_json::json;

use crate::queue::until_state;

/// Other tests, and the parts of the fixture that they test, whose code the page shows.
const OTHER_SOURCES: [&str; 5] = [
    "crates/fixture/src/articles/endpoints.rs",
    "crates/fixture/src/drafts/endpoints.rs",
    "crates/fixture/src/drafts/row.rs",
    "crates/tests/tests/http/mail_to.rs",
    "crates/tests/tests/http/many_rows.rs",
];

permission! {
    /// Send parcels.
    pub ParcelsSend = "parcels.send", for [Owner];
}

#[derive(Entity)]
#[entity(table = "parcels", resource = "parcel")]
pub struct ParcelRow {
    id: Id<ParcelRow>,
    label: String,
    version: i64,
    updated_at: Timestamp,
}

#[input]
pub struct SendParcels {
    #[garde(length(min = 1, max = 10), inner(length(chars, min = 1, max = 100)))]
    labels: Vec<String>,
}

/// Another parcel has this label.
const LABEL_TAKEN: Kind = Kind::new(
    StatusCode::CONFLICT,
    "label_taken",
    "Another parcel has this label.",
);

/// Send parcels, all of them or none.
#[post("/v1/parcels", problems(LABEL_TAKEN))]
async fn send_parcels(
    by: Allowed<ParcelsSend>,
    Json(body): Json<SendParcels>,
) -> Result<NoContent, Problem> {
    let parcel = |label| ParcelRow {
        id: by.runtime().new_id(),
        label,
        version: 1,
        updated_at: by.runtime().clock.now(),
    };
    let parcels: Vec<_> = body.labels.into_iter().map(parcel).collect();

    by.transaction(async |tx| -> Result<(), Problem> {
        for parcel in &parcels {
            tx.insert(parcel)
                .queue(tx.job(PRINT_LABEL, &parcel.label)?)
                .await
                .on_constraint("parcels_label_key", LABEL_TAKEN)?;
        }

        Ok(())
    })
    .await?;

    Ok(NoContent)
}

/// How many parcels have labels of one length.
#[view]
#[derive(FromRow)]
struct LengthView {
    /// The number of characters of the labels.
    characters: i32,
    /// The number of parcels.
    parcels: i64,
}

/// Count the parcels by the length of their labels.
#[get("/v1/parcels/lengths")]
async fn count_lengths(by: Allowed<ParcelsSend>) -> Result<Listing<LengthView>, Problem> {
    const COUNT: &str = r"
        SELECT char_length(label) AS characters, count(*) AS parcels
        FROM parcels
        WHERE updated_at <= $1
        GROUP BY characters
        ORDER BY characters
    ";

    let now = by.runtime().clock.now();
    let items = by
        .query::<(ParcelRow,), _>("parcels.lengths", COUNT, values![now])
        .await?;

    Ok(Listing { items })
}

/// The kind of job that prints a label.
const PRINT_LABEL: &str = "print_label";

/// Prints labels.
struct LabelPrinter {
    printed: Arc<Mutex<Vec<String>>>,
}

impl Handler for LabelPrinter {
    fn kind(&self) -> &'static str {
        PRINT_LABEL
    }

    fn run<'a>(&'a self, job: &'a Claimed) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let label: String = job.payload()?;
            let mut printed = self
                .printed
                .lock()
                .map_err(|_| JobError::retry("the printer is broken"))?;
            printed.push(label);
            Ok(())
        })
    }
}

/// A page that says what the service is.
fn about() -> WebPage {
    WebPage::file(
        "/about",
        "text/html; charset=utf-8",
        b"<!doctype html><title>About</title><p>We send parcels.",
    )
    .policy("default-src 'none'; frame-ancestors 'none'")
}

async fn start(printed: &Arc<Mutex<Vec<String>>>) -> TestApp {
    const TABLE: [&str; 2] = [
        r"
            CREATE TABLE parcels (
                id uuid CONSTRAINT parcels_pkey PRIMARY KEY,
                organization_id uuid NOT NULL,
                label text NOT NULL CONSTRAINT parcels_label_key UNIQUE,
                version bigint NOT NULL,
                updated_at timestamptz NOT NULL
            )
        ",
        "GRANT SELECT, INSERT ON parcels TO mainstay_server",
    ];

    let module = Module::new("parcels")
        .entity::<ParcelRow>()
        .endpoints((send_parcels, count_lengths));
    let platform = fixture::platform().module(module).page(about());
    let platform = platform.handler(LabelPrinter {
        printed: printed.clone(),
    });

    let builder: Builder = TestApp::builder(platform);
    let app = builder.start().await;
    for statement in TABLE {
        app.owner()
            .await
            .run(statement, [])
            .await
            .expect("the owner's statement runs");
    }

    app
}

#[tokio::test]
async fn the_code_of_the_how_to_guides_works() {
    const JOBS: &str = r"
        SELECT id
        FROM mainstay.jobs
        WHERE kind = 'print_label'
        ORDER BY id
    ";

    let printed = Arc::default();
    let app = start(&printed).await;
    let owner = app.actor(Owner).await;

    owner
        .post("/v1/parcels", json!({ "labels": ["Kepler", "Noether"] }))
        .await
        .assert_status(204);

    // The second label is taken, so the first parcel is not sent either, and its label is not
    // printed.
    owner
        .post("/v1/parcels", json!({ "labels": ["Hopper", "Kepler"] }))
        .await
        .assert_status(409);

    let jobs = app
        .owner()
        .await
        .run(JOBS, [])
        .await
        .expect("the rows are listed");

    assert_eq!(jobs.len(), 2);

    for job in jobs {
        until_state(&app, job.get(0).expect("the id is present"), "done").await;
    }

    let mut printed = printed.lock().expect("the lock is not poisoned").clone();
    printed.sort();
    assert_eq!(printed, ["Kepler", "Noether"]);

    let lengths = owner.get("/v1/parcels/lengths").await.json();
    assert_eq!(
        lengths["items"],
        json!([{ "characters": 6, "parcels": 1 }, { "characters": 7, "parcels": 1 }])
    );

    let page = app.anonymous().get("/about").await;
    page.assert_status(200);
}

#[test]
fn the_page_shows_the_tested_code() {
    let read = |path: &str| fs::read_to_string(root().join(path)).expect("the file is read");
    let page = read("docs/how-to.md");
    let tried: Vec<_> = ["crates/tests/tests/work/how_to.rs"]
        .iter()
        .chain(&OTHER_SOURCES)
        .map(|path| read(path))
        .collect();

    let blocks: Vec<&str> = page
        .split("```rust\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert!(blocks.len() > 3, "the page shows no code");
    for block in blocks {
        let is_tried = tried.iter().any(|source| source.contains(block));
        assert!(is_tried, "not tried:\n{block}");
    }
}
