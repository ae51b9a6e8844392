//! Orders by several columns, with nulls and `NaN`, and the indexes that they use.

use std::collections::BTreeSet;

use mainstay::database::{Origin, Sql};
use mainstay_testing::{Actor, TestApp};

use crate::{
    parcels::{insert, start, titles},
    specimens::run,
};

/// Sizes and weights with ties, nulls, infinities and `NaN`.
const ROWS: [&str; 14] = [
    "'a', 1, 0.1, 1.10, '2026-01-01'",
    "'b', 1, NULL, 1.1, NULL",
    "'c', 2, 'NaN', 99, '2026-01-01'",
    "'d', 2, 'NaN', -1, NULL",
    "'e', 2, 'Infinity', 0, '0001-01-01'",
    "'f', 1, '-Infinity', 0, '9999-12-31'",
    "'g', 3, NULL, 0, NULL",
    "'h', 3, 0.1, 0, '2026-01-02'",
    "'i', 3, 0.1, 0, '2026-01-02'",
    "'j', 1, -0.0, 0, '2026-01-02'",
    "'k', 1, 0.0, 1e20, '2026-01-02'",
    "'l', 2, 5e-324, 1e-20, NULL",
    "'m', 2, 1.7976931348623157e308, 0, NULL",
    "'n', -2147483648, 0, 0, NULL",
];

/// Orders of the endpoint, and the same in SQL.
const ORDERS: [(&str, &str); 13] = [
    ("sort=title", "title, id"),
    ("sort=title_down", "title DESC, id DESC"),
    ("sort=size", "size, id"),
    ("sort=size&sort=title", "size, title, id"),
    ("sort=size_down&sort=title", "size DESC, title, id"),
    ("sort=size&sort=weight", "size, weight, id"),
    ("sort=size&sort=weight_down", "size, weight DESC, id DESC"),
    ("sort=weight", "weight, id"),
    ("sort=weight_down&sort=size", "weight DESC, size, id"),
    (
        "sort=weight_nulls_first&sort=price",
        "weight NULLS FIRST, price, id",
    ),
    (
        "sort=weight_down_nulls_last&sort=title_down",
        "weight DESC NULLS LAST, title DESC, id DESC",
    ),
    (
        "sort=sent_down&sort=price&sort=size_down",
        "sent DESC, price, size DESC, id DESC",
    ),
    (
        "sort=price&sort=sent_down&sort=title",
        "price, sent DESC, title, id",
    ),
];

async fn filled() -> (TestApp, Actor) {
    let (app, owner) = start().await;
    insert(&app, &owner, "title, size, weight, price, sent", &ROWS).await;
    (app, owner)
}

/// The titles in an order of SQL.
async fn ordered(app: &TestApp, order: &str) -> Vec<String> {
    let text = format!("SELECT title FROM parcels ORDER BY {order}");
    let text: &'static str = Box::leak(text.into_boxed_str());
    let rows = app.owner().await.run(text, []).await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

#[tokio::test]
async fn pages_of_any_size_follow_the_order() {
    let (app, owner) = filled().await;
    for (query, order) in ORDERS {
        let expected = ordered(&app, order).await;
        assert_eq!(expected.iter().collect::<BTreeSet<_>>().len(), ROWS.len());

        for limit in [1, 2, 3, 5, 13, 14, 100] {
            assert_eq!(
                titles(&owner, &format!("{query}&limit={limit}")).await,
                expected,
                "{query} by {limit}"
            );
        }
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_order() {
    let (_app, owner) = filled().await;
    let first = owner
        .get("/v1/parcels?limit=2&sort=size&sort=title")
        .await
        .json();
    let cursor = first["next_cursor"].as_str().unwrap();

    for other in [
        "sort=size",
        "sort=title&sort=size",
        "sort=size_down&sort=title",
        "sort=size&sort=title_down",
        "sort=size&sort=title&sort=price",
    ] {
        let refused = owner
            .get(&format!("/v1/parcels?limit=2&{other}&cursor={cursor}"))
            .await;
        assert_eq!(
            refused
                .assert_problem(422, "invalid_input")
                .problem()
                .errors,
            ["query/cursor"],
            "{other}"
        );
    }
}

/// Explains a statement as Postgres plans it once for all values of its parameters.
const GENERIC_PLAN: &str = r"
    CREATE FUNCTION generic_plan(statement text, nulls text) RETURNS SETOF text LANGUAGE plpgsql AS $$
    DECLARE
        line text;
    BEGIN
        SET LOCAL plan_cache_mode = force_generic_plan;
        EXECUTE 'PREPARE asked AS ' || statement;
        FOR line IN EXECUTE 'EXPLAIN (COSTS off) EXECUTE asked(' || nulls || ')' LOOP
            RETURN NEXT line;
        END LOOP;
        EXECUTE 'DEALLOCATE asked';
    END $$
";

/// The generic plan of the page that was read last.
async fn plan_of_page(app: &TestApp) -> String {
    const LAST: &str = r"
        SELECT statement
        FROM pg_prepared_statements
        WHERE statement LIKE '%parcels%' AND statement NOT LIKE '%pg_prepared_statements%'
        ORDER BY prepare_time DESC
        LIMIT 1
    ";

    let origin = Origin {
        request: app.runtime().new_id::<Origin>().uuid(),
        operation: "test",
        address: None,
    };
    let around = Sql::unlimited(
        "a connection's statements are visible to itself only",
        app.database(),
        origin,
        None,
    );
    let rows = around.upkeep("test", LAST, []).await.unwrap();
    let text: String = rows[0].get(0).unwrap();

    let parameters = (1..20)
        .filter(|number| text.contains(&format!("${number}")))
        .count();
    let values = [text.into(), vec!["NULL"; parameters].join(", ").into()];
    let rows = app
        .owner()
        .await
        .run("SELECT * FROM generic_plan($1, $2)", values)
        .await
        .unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();

    lines.join("\n")
}

/// Reads the second page of a query, and returns its plan.
async fn plan(app: &TestApp, by: &Actor, query: &str) -> String {
    let first = by
        .get(&format!("/v1/parcels?{query}"))
        .await
        .assert_status(200)
        .json();
    if let Some(cursor) = first["next_cursor"].as_str() {
        by.get(&format!("/v1/parcels?{query}&cursor={cursor}"))
            .await
            .assert_status(200);
    }
    plan_of_page(app).await
}

#[tokio::test]
async fn a_page_is_read_from_where_the_last_one_ended() {
    let (app, owner) = start().await;
    let rows = format!(
        "INSERT INTO parcels (id, organization_id, title, size, tags) \
         SELECT gen_random_uuid(), '{}', 'title ' || n, n % 100, '{{}}' FROM generate_series(1, 20000) AS n",
        owner.organization()
    );

    for statement in [
        rows.as_str(),
        GENERIC_PLAN,
        "CREATE INDEX parcels_size_idx ON parcels (organization_id, size, title, id)",
        "CREATE INDEX parcels_mixed_idx ON parcels (organization_id, size DESC, title, id)",
        "CREATE INDEX parcels_title_idx ON parcels (organization_id, lower(title) text_pattern_ops)",
        "CREATE INDEX parcels_words_idx ON parcels USING gin (words)",
        "ANALYZE parcels",
    ] {
        run(&app, statement).await;
    }

    // Columns in one direction are compared as a row, within the index.
    let agreeing = plan(&app, &owner, "sort=size&sort=title&limit=10").await;
    assert!(
        agreeing.contains("Index Scan using parcels_size_idx"),
        "{agreeing}"
    );
    assert!(
        agreeing.contains("Index Cond") && agreeing.contains("ROW(size, title, id) > ROW("),
        "{agreeing}"
    );
    assert!(
        !agreeing.contains("Sort") && !agreeing.contains("Filter"),
        "{agreeing}"
    );

    // Otherwise from where the value of the first column ended.
    let mixed = plan(&app, &owner, "sort=size_down&sort=title&limit=10").await;
    assert!(
        mixed.contains("Index Scan using parcels_mixed_idx"),
        "{mixed}"
    );
    assert!(mixed.contains("(size <= $"), "{mixed}");
    assert!(!mixed.contains("Sort"), "{mixed}");

    let prefix = plan(&app, &owner, "starts_with=title%2019999&limit=10").await;
    assert!(
        prefix.contains("parcels_title_idx") && prefix.contains("~>=~"),
        "{prefix}"
    );
}
