//! Rows that tests filter, sort and count, and an endpoint with every filter.

use mainstay::{access::BuiltInRole::Owner, prelude::*};
use mainstay_testing::{Actor, TestApp};
use serde_json::Value;

use crate::specimens::{grant, run};

permission! {
    /// See parcels.
    pub ParcelsRead = "parcels.read", for [Owner];
}

#[derive(Entity)]
#[entity(
    table = "parcels",
    resource = "parcel",
    search = "words",
    language = "english"
)]
struct ParcelRow {
    id: Id<ParcelRow>,
    title: String,
    note: Option<String>,
    size: i32,
    weight: Option<f64>,
    price: Decimal,
    sent: Option<Date>,
    tags: Vec<String>,
    numbers: Vec<i64>,
    data: Value,
}

pub const TABLE: &str = r"
    CREATE TABLE parcels (
        id uuid PRIMARY KEY,
        organization_id uuid NOT NULL,
        title text NOT NULL,
        note text,
        size integer NOT NULL,
        weight double precision,
        price numeric NOT NULL DEFAULT 0,
        sent date,
        tags text[] NOT NULL DEFAULT '{}',
        numbers bigint[] NOT NULL DEFAULT '{}',
        data jsonb NOT NULL DEFAULT '{}',
        words tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || coalesce(note, ''))) STORED
    )
";

/// Which parcels to list. Each field is one filter.
#[input]
pub struct ListParcels {
    #[garde(skip)]
    equal: Option<String>,
    #[garde(skip)]
    not_equal: Option<String>,
    #[garde(length(max = 10))]
    one_of: Option<Vec<String>>,
    #[garde(length(max = 10))]
    not_in: Option<Vec<String>>,
    #[garde(skip)]
    note: Option<String>,
    #[garde(skip)]
    not_note: Option<String>,
    #[garde(length(max = 10))]
    notes: Option<Vec<String>>,
    #[garde(length(max = 10))]
    not_notes: Option<Vec<String>>,
    note_is_null: Option<bool>,
    #[garde(skip)]
    above: Option<i32>,
    #[garde(skip)]
    at_most: Option<i32>,
    #[garde(skip)]
    below: Option<i32>,
    price_from: Option<Decimal>,
    price_to: Option<Decimal>,
    sent_from: Option<Date>,
    #[garde(skip)]
    starts_with: Option<String>,
    #[garde(skip)]
    contains_text: Option<String>,
    #[garde(skip)]
    words: Option<String>,
    #[garde(skip)]
    tag: Option<String>,
    #[garde(length(max = 10))]
    all_tags: Option<Vec<String>>,
    #[garde(length(max = 10))]
    any_tags: Option<Vec<String>>,
    #[garde(skip)]
    number: Option<i64>,
    #[garde(skip)]
    data: Option<String>,
    #[garde(skip)]
    key: Option<String>,
    /// This title, or no note and this size.
    #[garde(skip)]
    either_title: Option<String>,
    #[garde(skip)]
    or_bare_of_size: Option<i32>,
    /// Neither this note nor at least this size.
    #[garde(skip)]
    neither_note: Option<String>,
    #[garde(skip)]
    nor_from_size: Option<i32>,
    #[garde(length(max = 5))]
    #[serde(default)]
    sort: Vec<Sort>,
    total: Option<bool>,
    limit: Limit,
    cursor: Option<Cursor>,
}

/// One column of the order.
#[choice]
pub enum Sort {
    Title,
    TitleDown,
    Size,
    SizeDown,
    Weight,
    WeightDown,
    WeightNullsFirst,
    WeightDownNullsLast,
    Price,
    SentDown,
}

/// List parcels.
#[get("/v1/parcels")]
async fn list_parcels(
    by: Allowed<ParcelsRead>,
    Query(query): Query<ListParcels>,
) -> Result<CountedPage<String>, Problem> {
    let order = query
        .sort
        .iter()
        .fold(None, |order, sort| Some(sorted(order, *sort)));
    let order = order.unwrap_or_else(|| Order::by(ParcelRow::TITLE, Direction::Ascending));
    let (limit, cursor) = (query.limit, query.cursor.clone());

    let page = by
        .page(filter(query), order, limit, cursor.as_ref())
        .await?;
    Ok(CountedPage::new(page, |parcel: ParcelRow| parcel.title))
}

fn filter(query: ListParcels) -> Filter<ParcelRow> {
    let (title, note, size) = (ParcelRow::TITLE, ParcelRow::NOTE, ParcelRow::SIZE);
    let price = query
        .price_from
        .zip(query.price_to)
        .map(|(from, to)| from..=to);
    let data = query.data.and_then(|data| serde_json::from_str(&data).ok());

    Filter::all()
        .with_total(query.total == Some(true))
        .equal(title, query.equal)
        .not_equal(title, query.not_equal)
        .one_of(title, query.one_of)
        .not_in(title, query.not_in)
        .equal(note, query.note.map(Some))
        .not_equal(note, query.not_note.map(Some))
        .one_of(note, query.notes)
        .not_in(note, query.not_notes)
        .is_null(note, query.note_is_null)
        .above(size, query.above)
        .at_most(size, query.at_most)
        .below(size, query.below)
        .between(ParcelRow::PRICE, price)
        .at_least(ParcelRow::SENT, query.sent_from)
        .starts_with(title, query.starts_with)
        .contains_text(title, query.contains_text)
        .search(ParcelRow::SEARCH, query.words)
        .contains(ParcelRow::TAGS, query.tag)
        .contains_all(ParcelRow::TAGS, query.all_tags)
        .overlaps(ParcelRow::TAGS, query.any_tags)
        .contains(ParcelRow::NUMBERS, query.number)
        .contains_json(ParcelRow::DATA, data)
        .has_key(ParcelRow::DATA, query.key)
        .any_of(|any| {
            let bare = query.or_bare_of_size;
            any.equal(title, query.either_title)
                .all_of(|all| all.equal(size, bare).is_null(note, bare.map(|_| true)))
        })
        .none_of(|none| {
            none.equal(note, query.neither_note.map(Some))
                .at_least(size, query.nor_from_size)
        })
}

fn sorted(order: Option<Order<ParcelRow>>, sort: Sort) -> Order<ParcelRow> {
    use Direction::{Ascending, Descending};

    macro_rules! by {
        ($field:ident, $direction:ident) => {
            match order {
                None => Order::by(ParcelRow::$field, $direction),
                Some(order) => order.then_by(ParcelRow::$field, $direction),
            }
        };
    }

    match sort {
        Sort::Title => by!(TITLE, Ascending),
        Sort::TitleDown => by!(TITLE, Descending),
        Sort::Size => by!(SIZE, Ascending),
        Sort::SizeDown => by!(SIZE, Descending),
        Sort::Weight => by!(WEIGHT, Ascending),
        Sort::WeightDown => by!(WEIGHT, Descending),
        Sort::WeightNullsFirst => by!(WEIGHT, Ascending).nulls_first(),
        Sort::WeightDownNullsLast => by!(WEIGHT, Descending).nulls_last(),
        Sort::Price => by!(PRICE, Ascending),
        Sort::SentDown => by!(SENT, Descending),
    }
}

/// Starts a service that lists parcels. The table is empty.
pub async fn start() -> (TestApp, Actor) {
    let module = Module::new("parcels").endpoints((list_parcels,));
    let app = TestApp::builder(fixture::platform().module(module))
        .setting("database.pool_size", "1")
        .start()
        .await;

    run(&app, TABLE).await;
    run(&app, "GRANT SELECT ON parcels TO mainstay_server").await;
    grant(&app, "parcels.read").await;
    let owner = app.actor(Owner).await;

    (app, owner)
}

/// Inserts rows of `columns`, given as the text of SQL values.
pub async fn insert(app: &TestApp, by: &Actor, columns: &str, rows: &[&str]) {
    let organization = by.organization();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| format!("(gen_random_uuid(), '{organization}', {row})"))
        .collect();
    let rows = rows.join(", ");
    run(
        app,
        &format!("INSERT INTO parcels (id, organization_id, {columns}) VALUES {rows}"),
    )
    .await;
}

/// The titles of all pages.
pub async fn titles(by: &Actor, query: &str) -> Vec<String> {
    let (mut titles, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = by
            .get(&format!("/v1/parcels?{query}{cursor}"))
            .await
            .assert_status(200)
            .json();
        let items = page["items"].as_array().unwrap();
        titles.extend(items.iter().map(|title| title.as_str().unwrap().to_owned()));

        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return titles,
        }
    }
}
