//! A feature as an adopter would write it: remarks about customers, with one line for each sealed
//! column. [`start`] creates its table, since no migration does.

use mainstay::{database::Revealed, kernel::Id, personal_text, prelude::*};
use mainstay_testing::{Builder, TestApp};

personal_text! {
    /// A member's note about a customer.
    pub RemarkText, 1..=2_000 characters, shown as personal::hidden;
    /// Where the customer was seen.
    pub Whereabouts, 1..=200 characters, shown as personal::initials;
}

/// The customer whom a remark is about.
pub struct About;

/// A row of `remarks`.
#[derive(Entity)]
#[entity(table = "remarks", resource = "remark")]
pub struct RemarkRow {
    pub id: Id<RemarkRow>,
    #[entity(subject)]
    pub customer_id: Id<About>,
    pub text: Sealed<RemarkText>,
    pub seen_at: Option<Sealed<Whereabouts>>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A row of `purchases`. It refers to a customer, has no sealed column, and must survive the
/// customer's erasure.
#[derive(Entity)]
#[entity(table = "purchases", resource = "purchase", erasure = "empty")]
pub struct PurchaseRow {
    pub id: Id<PurchaseRow>,
    #[entity(subject)]
    pub customer_id: Id<About>,
    pub total: i64,
}

permission! {
    /// See and write remarks.
    pub RemarksWrite = "remarks.write", for [Owner, Manager, Agent];
    /// Read the texts of remarks; each time is recorded.
    pub RemarksReveal = "remarks.reveal", for [Owner];
}

/// A new remark.
#[input]
pub struct CreateRemark {
    /// The customer.
    customer_id: Id<About>,
    /// The text of the remark.
    text: Sealed<RemarkText>,
    /// Where the customer was seen.
    seen_at: Option<Sealed<Whereabouts>>,
}

/// The fields of a remark to change.
#[input]
pub struct UpdateRemark {
    /// The text of the remark.
    text: Patch<Sealed<RemarkText>>,
    /// Where the customer was seen.
    seen_at: Patch<Option<Sealed<Whereabouts>>>,
}

/// A remark with masked fields.
#[view]
pub struct RemarkView {
    /// The remark.
    id: Id<RemarkRow>,
    /// Masked.
    text: Masked,
    /// Masked.
    seen_at: Option<Masked>,
    /// Counts changes.
    version: i64,
}

/// A remark in clear.
#[view]
pub struct RemarkTextView {
    /// The text of the remark.
    text: String,
    /// Where the customer was seen.
    seen_at: Option<String>,
}

/// Create a remark about a customer.
#[post("/v1/remarks")]
async fn create_remark(
    by: Allowed<RemarksWrite>,
    Json(body): Json<CreateRemark>,
) -> Result<Created<RemarkView>, Problem> {
    let now = by.runtime().clock.now();
    let remark = RemarkRow {
        id: by.runtime().new_id(),
        customer_id: body.customer_id,
        text: body.text,
        seen_at: body.seen_at,
        version: 1,
        created_at: now,
        updated_at: now,
    };

    by.insert(&remark).await?;

    Ok(Created(RemarkView::of(&remark)))
}

/// Show a remark.
#[get("/v1/remarks/{id}", problems(NOT_FOUND))]
async fn get_remark(
    by: Allowed<RemarksWrite>,
    Path(id): Path<Id<RemarkRow>>,
) -> Result<Json<RemarkView>, Problem> {
    Ok(Json(RemarkView::of(&by.get(id).await?)))
}

/// Change a remark.
#[patch("/v1/remarks/{id}", problems(NOT_FOUND))]
async fn update_remark(
    by: Allowed<RemarksWrite>,
    Path(id): Path<Id<RemarkRow>>,
    if_match: IfMatch,
    Json(body): Json<UpdateRemark>,
) -> Result<Json<RemarkView>, Problem> {
    let changes = Changes::new()
        .set(RemarkRow::TEXT, body.text)
        .set(RemarkRow::SEEN_AT, body.seen_at);
    Ok(Json(RemarkView::of(
        &by.update(id, if_match, changes).await?,
    )))
}

/// Show a remark in clear.
#[get("/v1/remarks/{id}/text", problems(NOT_FOUND))]
async fn get_remark_text(
    by: Allowed<RemarksReveal>,
    Path(id): Path<Id<RemarkRow>>,
) -> Result<Json<RemarkTextView>, Problem> {
    let remark: Revealed<RemarkRow> = by.reveal(id).await?;
    let seen_at = remark
        .open_optional(|row| &row.seen_at)
        .map(|place| place.as_str().to_owned());
    Ok(Json(RemarkTextView {
        text: remark.open(|row| &row.text).as_str().to_owned(),
        seen_at,
    }))
}

impl RemarkView {
    fn of(row: &RemarkRow) -> Self {
        let seen_at = row.seen_at.as_ref().map(Sealed::masked);
        Self {
            id: row.id,
            text: row.text.masked(),
            seen_at,
            version: row.version,
        }
    }
}

/// The feature.
pub fn module() -> Module {
    let endpoints = (create_remark, get_remark, update_remark, get_remark_text);
    Module::new("remarks")
        .entity::<RemarkRow>()
        .entity::<PurchaseRow>()
        .endpoints(endpoints)
}

const TABLE: &str = r"
    CREATE TABLE remarks (
        id uuid PRIMARY KEY,
        organization_id uuid NOT NULL,
        data_key bigint NOT NULL,
        customer_id uuid NOT NULL,
        text bytea NOT NULL,
        seen_at bytea,
        version bigint NOT NULL,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
    )
";

const PURCHASES: &str = r"
    CREATE TABLE purchases (
        id uuid PRIMARY KEY,
        organization_id uuid NOT NULL,
        customer_id uuid NOT NULL,
        total bigint NOT NULL,
        FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
    )
";

const DESCRIPTIONS: [&str; 7] = [
    "COMMENT ON TABLE remarks IS 'What members noted about customers.'",
    "COMMENT ON COLUMN remarks.id IS 'public: UUID v7'",
    "COMMENT ON COLUMN remarks.customer_id IS 'internal: whom it is about'",
    "COMMENT ON COLUMN remarks.text IS 'personal: sealed'",
    "COMMENT ON COLUMN remarks.seen_at IS 'personal: sealed'",
    "COMMENT ON COLUMN purchases.total IS 'internal: in cents'",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON remarks, purchases TO mainstay_server",
];

/// Starts the service with this feature.
pub async fn start(prepare: impl FnOnce(Builder) -> Builder) -> TestApp {
    let app = prepare(TestApp::builder(fixture::platform().module(module())))
        .start()
        .await;
    let mut owner = app.owner().await;
    for statement in [TABLE, PURCHASES].into_iter().chain(DESCRIPTIONS) {
        owner
            .run(statement, [])
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error}: {:?}", error.cause()));
    }
    app
}
