//! Nullable columns in orders, cursors and filters.

use mainstay::{access::BuiltInRole::Owner, prelude::*};
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

permission! {
    /// See errands.
    pub ErrandsRead = "errands.read", for [Owner];
}

#[derive(Entity)]
#[entity(table = "errands", resource = "errand")]
struct ErrandRow {
    id: Id<ErrandRow>,
    title: String,
    due: Option<i64>,
}

const TABLE: [&str; 4] = [
    "CREATE TABLE errands (id uuid PRIMARY KEY, organization_id uuid NOT NULL, title text NOT NULL, due bigint)",
    "GRANT SELECT, INSERT ON errands TO mainstay_server",
    r"
        INSERT INTO permissions (name, help)
        VALUES ('errands.read', '')
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO role_permissions
        SELECT id, 'errands.read'
        FROM roles
        WHERE name = 'owner'
        ON CONFLICT DO NOTHING
    ",
];

/// Which errands to list.
#[input]
struct ListErrands {
    /// Latest first.
    latest_first: Option<bool>,
    /// Errands without a due day.
    undated: Option<bool>,
    /// Errands due on or after this day.
    #[garde(range(min = 0, max = 100))]
    from: Option<i64>,
    /// Errands with one of these titles.
    #[garde(length(max = 3), inner(inner(length(chars, max = 2))))]
    titles: Option<Vec<String>>,
    /// How many.
    limit: Limit,
    /// Where to go on.
    cursor: Option<Cursor>,
}

/// List errands by the day on which they are due.
#[get("/v1/errands")]
async fn list_errands(
    by: Allowed<ErrandsRead>,
    Query(query): Query<ListErrands>,
) -> Result<PageOf<String>, Problem> {
    let undated = query.undated.filter(|undated| *undated).map(|_| None);
    let filter = Filter::all()
        .equal(ErrandRow::DUE, undated)
        .at_least(ErrandRow::DUE, query.from);
    let direction = if query.latest_first == Some(true) {
        Direction::Descending
    } else {
        Direction::Ascending
    };

    let page = by
        .page(
            filter,
            Order::by(ErrandRow::DUE, direction),
            query.limit,
            query.cursor.as_ref(),
        )
        .await?;

    let titles = query.titles.unwrap_or_default();
    let mut shown = PageOf::new(page, |errand: ErrandRow| errand.title);
    shown
        .items
        .retain(|title| titles.is_empty() || titles.contains(title));

    Ok(shown)
}

/// Starts the service with six errands, three of them without a day, in random order.
async fn start() -> (TestApp, Actor) {
    let app = TestApp::start(
        fixture::platform().module(Module::new("errands").endpoints((list_errands,))),
    )
    .await;
    let mut database = app.owner().await;
    for statement in TABLE {
        database.run(statement, []).await.unwrap();
    }

    let owner = app.actor(Owner).await;

    for (title, due) in [
        ("a", None),
        ("b", Some(2)),
        ("c", None),
        ("d", Some(1)),
        ("e", None),
        ("f", Some(2)),
    ] {
        let id = Uuid::from_u128(u128::from(title.as_bytes()[0]));
        let values = [
            id.into(),
            owner.organization().uuid().into(),
            title.into(),
            due.map(i64::from).into(),
        ];
        database
            .run("INSERT INTO errands VALUES ($1, $2, $3, $4)", values)
            .await
            .unwrap();
    }

    (app, owner)
}

async fn walk(by: &Actor, query: &str) -> String {
    let (mut titles, mut cursor) = (String::new(), String::new());
    loop {
        let page = by
            .get(&format!("/v1/errands?{query}{cursor}"))
            .await
            .assert_status(200)
            .json();

        titles.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str),
        );

        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return titles,
        }
    }
}

#[tokio::test]
async fn rows_without_a_value_are_listed_on_pages_of_any_size() {
    let (_app, owner) = start().await;
    for limit in 1..=7 {
        assert_eq!(
            walk(&owner, &format!("limit={limit}")).await,
            "dbface",
            "{limit} ascending"
        );
        assert_eq!(
            walk(&owner, &format!("limit={limit}&latest_first=true")).await,
            "ecafbd",
            "{limit} descending"
        );
    }
}

#[tokio::test]
async fn rows_without_a_value_match_only_the_filter_for_its_absence() {
    let (_app, owner) = start().await;
    assert_eq!(walk(&owner, "undated=true&limit=2").await, "ace");
    assert_eq!(walk(&owner, "from=2&limit=1").await, "bf");
    assert_eq!(walk(&owner, "from=2&undated=true").await, "");
}

/// OpenAPI's exploded `form` style, which is the default.
#[tokio::test]
async fn a_list_in_a_query_repeats_its_name() {
    let (_app, owner) = start().await;
    assert_eq!(walk(&owner, "titles=f").await, "f");
    assert_eq!(walk(&owner, "titles=f&titles=a&limit=2").await, "fa");

    for wrong in ["titles=abc", "titles=a&titles=b&titles=c&titles=d"] {
        let refused = owner.get(&format!("/v1/errands?{wrong}")).await;
        assert!(
            refused
                .assert_problem(422, "invalid_input")
                .problem()
                .errors[0]
                .starts_with("query/titles")
        );
    }

    let twice = owner.get("/v1/errands?limit=2&limit=2").await;
    assert_eq!(
        twice
            .assert_problem(400, "malformed_request")
            .problem()
            .errors,
        ["query/limit"]
    );

    for spelling in ["limit=%2B5", "limit=05", "from=0x1", "latest_first=1"] {
        owner
            .get(&format!("/v1/errands?{spelling}"))
            .await
            .assert_problem(422, "invalid_input");
    }
    assert_eq!(
        owner.get("/v1/errands?from=101").await.problem().errors,
        json!(["query/from"]).as_array().unwrap()[..]
    );
}
