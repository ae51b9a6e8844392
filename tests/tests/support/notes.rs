//! A feature as an adopter writes it: notes about customers, and one line for each sealed column. Its table is made by
//! [`start`], since the service's own migrations know nothing of it.

use mainstay::{database::Revealed, kernel::Id, personal_text, prelude::*};
use mainstay_testing::{Builder, TestApp};

personal_text! {
    /// What a member noted about a customer.
    pub NoteText, 1..=2_000 characters, shown as personal::hidden;
    /// Where they were seen.
    pub Whereabouts, 1..=200 characters, shown as personal::initials;
}

/// The customer whom a note is about.
pub struct About;

/// A row of `notes`.
#[derive(Entity)]
#[entity(table = "notes", resource = "note")]
pub struct NoteRow {
    pub id: Id<NoteRow>,
    #[entity(subject)]
    pub customer_id: Id<About>,
    pub text: Sealed<NoteText>,
    pub seen_at: Option<Sealed<Whereabouts>>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A row of `orders`: it names a customer, holds nothing sealed, and must stay when the customer is erased.
#[derive(Entity)]
#[entity(table = "orders", resource = "order", erasure = "empty")]
pub struct OrderRow {
    pub id: Id<OrderRow>,
    #[entity(subject)]
    pub customer_id: Id<About>,
    pub total: i64,
}

permission! {
    /// See and write notes.
    pub NotesWrite = "notes.write", for [Owner, Manager, Agent];
    /// Read the texts of notes; each time is recorded.
    pub NotesReveal = "notes.reveal", for [Owner];
}

/// A new note.
#[input]
pub struct CreateNote {
    /// Whom it is about.
    customer_id: Id<About>,
    /// What to remember.
    text: Sealed<NoteText>,
    /// Where they were seen.
    seen_at: Option<Sealed<Whereabouts>>,
}

/// What changes of a note.
#[input]
pub struct UpdateNote {
    /// What to remember.
    text: Patch<Sealed<NoteText>>,
    /// Where they were seen.
    seen_at: Patch<Option<Sealed<Whereabouts>>>,
}

/// A note, what is sealed masked.
#[view]
pub struct NoteView {
    /// The note.
    id: Id<NoteRow>,
    /// Masked.
    text: Masked,
    /// Masked.
    seen_at: Option<Masked>,
    /// Counts changes.
    version: i64,
}

/// A note in clear.
#[view]
pub struct NoteTextView {
    /// What it says.
    text: String,
    /// Where they were seen.
    seen_at: Option<String>,
}

/// Note something about a customer.
#[post("/v1/notes")]
async fn create_note(by: Allowed<NotesWrite>, Json(body): Json<CreateNote>) -> Result<Created<NoteView>, Problem> {
    let now = by.runtime().clock.now();
    let note = NoteRow {
        id: by.runtime().new_id(),
        customer_id: body.customer_id,
        text: body.text,
        seen_at: body.seen_at,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    by.insert(&note).await?;
    Ok(Created(NoteView::of(&note)))
}

/// Show a note.
#[get("/v1/notes/{id}", problems(NOT_FOUND))]
async fn get_note(by: Allowed<NotesWrite>, Path(id): Path<Id<NoteRow>>) -> Result<Json<NoteView>, Problem> {
    Ok(Json(NoteView::of(&by.get(id).await?)))
}

/// Change a note.
#[patch("/v1/notes/{id}", problems(NOT_FOUND))]
async fn update_note(
    by: Allowed<NotesWrite>,
    Path(id): Path<Id<NoteRow>>,
    if_match: IfMatch,
    Json(body): Json<UpdateNote>,
) -> Result<Json<NoteView>, Problem> {
    let changes = Changes::new().set(NoteRow::TEXT, body.text).set(NoteRow::SEEN_AT, body.seen_at);
    Ok(Json(NoteView::of(&by.update(id, if_match, changes).await?)))
}

/// Show a note in clear.
#[get("/v1/notes/{id}/text", problems(NOT_FOUND))]
async fn get_note_text(by: Allowed<NotesReveal>, Path(id): Path<Id<NoteRow>>) -> Result<Json<NoteTextView>, Problem> {
    let note: Revealed<NoteRow> = by.reveal(id).await?;
    let seen_at = note.open_optional(|row| &row.seen_at).map(|place| place.as_str().to_owned());
    Ok(Json(NoteTextView { text: note.open(|row| &row.text).as_str().to_owned(), seen_at }))
}

impl NoteView {
    fn of(row: &NoteRow) -> Self {
        let seen_at = row.seen_at.as_ref().map(Sealed::masked);
        Self { id: row.id, text: row.text.masked(), seen_at, version: row.version }
    }
}

/// The feature.
pub fn module() -> Module {
    let endpoints = (create_note, get_note, update_note, get_note_text);
    Module::new("notes").entity::<NoteRow>().entity::<OrderRow>().endpoints(endpoints)
}

const TABLE: &str = "CREATE TABLE notes (id uuid PRIMARY KEY, organization_id uuid NOT NULL, data_key bigint NOT NULL, \
         customer_id uuid NOT NULL, text bytea NOT NULL, seen_at bytea, version bigint NOT NULL, \
         created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL, \
         FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id))";

const ORDERS: &str = "CREATE TABLE orders (id uuid PRIMARY KEY, organization_id uuid NOT NULL, \
         customer_id uuid NOT NULL, total bigint NOT NULL, \
         FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id))";

const DESCRIPTIONS: [&str; 7] = [
    "COMMENT ON TABLE notes IS 'What members noted about customers.'",
    "COMMENT ON COLUMN notes.id IS 'public: UUID v7'",
    "COMMENT ON COLUMN notes.customer_id IS 'internal: whom it is about'",
    "COMMENT ON COLUMN notes.text IS 'personal: sealed'",
    "COMMENT ON COLUMN notes.seen_at IS 'personal: sealed'",
    "COMMENT ON COLUMN orders.total IS 'internal: in cents'",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON notes, orders TO mainstay_server",
];

/// Starts the service with this feature.
pub async fn start(prepare: impl FnOnce(Builder) -> Builder) -> TestApp {
    let app = prepare(TestApp::builder(app::platform().module(module()))).start().await;
    let mut owner = app.owner().await;
    for statement in [TABLE, ORDERS].into_iter().chain(DESCRIPTIONS) {
        owner.run(statement, []).await.unwrap_or_else(|error| panic!("{statement}: {error}: {:?}", error.cause()));
    }
    app
}
