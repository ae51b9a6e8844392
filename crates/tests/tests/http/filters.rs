//! Each filter of a listing, through HTTP.

use mainstay::access::BuiltInRole::Owner;
use mainstay_testing::{Actor, TestApp};
use serde_json::json;

use crate::parcels::{insert, start, titles};

const COLUMNS: &str = "title, note, size, price, sent, tags, numbers, data";

const ROWS: [&str; 5] = [
    r#"'Anvil', 'very heavy', 5, 19.99, '2026-01-31', '{iron,tools}', '{1,9223372036854775807}',
       '{"a": {"b": [1, 2]}}'"#,
    r#"'banana', NULL, 1, 0.5, NULL, '{}', '{}', '{"a": null, "ä": 1}'"#,
    r#"'Band 100%_\', 'elastic bands', 2, 7, '2026-02-28', '{tools}', '{2}', '["a"]'"#,
    r#"'Élan', 'heavy', 3, 7.00, '2025-12-31', '{iron}', '{1}', '{"a": {"b": [2], "c": 1}}'"#,
    r#"'anchor', NULL, 5, 100, NULL, '{iron,sea}', '{3}', '7'"#,
];

async fn filled() -> (TestApp, Actor) {
    let (app, owner) = start().await;
    insert(&app, &owner, COLUMNS, &ROWS).await;
    (app, owner)
}

/// The initials of the titles that a query finds, sorted.
async fn found(by: &Actor, query: &str) -> String {
    let mut initials: Vec<_> = titles(by, query)
        .await
        .iter()
        .map(|title| match title.as_str() {
            "Band 100%_\\" => 'B',
            other => other.chars().next().unwrap(),
        })
        .collect();
    initials.sort_unstable();
    initials.into_iter().collect()
}

async fn assert_found(cases: &[(&str, &str)]) {
    let (_app, owner) = filled().await;
    for (query, expected) in cases {
        assert_eq!(found(&owner, query).await, *expected, "{query}");
        let paged = format!("{query}&limit=1");
        assert_eq!(found(&owner, &paged).await, *expected, "{paged}");
    }
}

#[tokio::test]
async fn values_are_equal_or_not() {
    assert_found(&[
        ("", "ABabÉ"),
        ("equal=Anvil", "A"),
        ("equal=anvil", ""),
        ("not_equal=Anvil", "BabÉ"),
        ("one_of=Anvil&one_of=anchor&one_of=x", "Aa"),
        ("not_in=Anvil&not_in=anchor", "BbÉ"),
        ("equal=%27%20OR%20true%20--", ""),
    ])
    .await;
}

#[tokio::test]
async fn nulls_differ_from_every_value() {
    assert_found(&[
        ("note=heavy", "É"),
        ("not_note=heavy", "ABab"),
        ("notes=heavy&notes=very%20heavy", "AÉ"),
        ("not_notes=heavy&not_notes=very%20heavy", "Bab"),
        ("note_is_null=true", "ab"),
        ("note_is_null=false", "ABÉ"),
    ])
    .await;
}

#[tokio::test]
async fn values_are_less_or_greater() {
    assert_found(&[
        ("above=3", "Aa"),
        ("at_most=2", "Bb"),
        ("below=2", "b"),
        ("above=1&below=5", "BÉ"),
        ("price_from=7&price_to=19.99", "ABÉ"),
        ("price_from=7.0&price_to=7.000", "BÉ"),
        ("sent_from=2026-01-31", "AB"),
        ("sent_from=9999-12-31", ""),
    ])
    .await;
}

#[tokio::test]
async fn texts_are_found_in_any_case_and_wildcards_stand_for_themselves() {
    assert_found(&[
        ("starts_with=AN", "Aa"),
        ("starts_with=ban", "Bb"),
        ("starts_with=%C3%A9", "É"),
        ("starts_with=", "ABabÉ"),
        ("starts_with=%25", ""),
        ("starts_with=Band%20100%25_%5C", "B"),
        ("starts_with=Band%20100__", ""),
        ("contains_text=AN", "ABabÉ"),
        ("contains_text=%25", "B"),
        ("contains_text=_", "B"),
        ("contains_text=%5C", "B"),
        ("contains_text=LA", "É"),
    ])
    .await;
}

#[tokio::test]
async fn words_are_searched_in_the_language_of_the_schema() {
    assert_found(&[
        ("words=heavy", "AÉ"),
        ("words=heavy%20-anvil", "É"),
        ("words=%22elastic%20band%22", "B"),
        ("words=%22band%20elastic%22", ""),
        ("words=band", "B"),
        ("words=bananas%20or%20anchors", "ab"),
        ("words=the", ""),
        ("words=%22%20%3A%2A%20%26%20%21%28", ""),
    ])
    .await;
}

#[tokio::test]
async fn lists_and_documents_are_searched() {
    assert_found(&[
        ("tag=iron", "AaÉ"),
        ("all_tags=iron&all_tags=tools", "A"),
        ("any_tags=sea&any_tags=tools", "ABa"),
        ("number=9223372036854775807", "A"),
        ("data=%7B%22a%22%3A%7B%22b%22%3A%5B2%5D%7D%7D", "AÉ"),
        ("data=7", "a"),
        ("key=a", "ABbÉ"),
        ("key=%C3%A4", "b"),
        ("key=c", ""),
    ])
    .await;
}

#[tokio::test]
async fn conditions_are_grouped() {
    assert_found(&[
        ("either_title=Anvil", "A"),
        ("or_bare_of_size=5", "a"),
        ("either_title=Anvil&or_bare_of_size=5", "Aa"),
        ("either_title=Anvil&or_bare_of_size=5&above=9", ""),
        // A comparison with null does not hold, so `none_of` keeps the row.
        ("neither_note=heavy", "ABab"),
        ("neither_note=heavy&nor_from_size=5", "Bb"),
    ])
    .await;
}

#[tokio::test]
async fn rows_of_others_match_no_filter() {
    let (app, _owner) = filled().await;
    let stranger = app.stranger(Owner).await;
    for query in [
        "",
        "not_equal=x",
        "either_title=Anvil&or_bare_of_size=5",
        "neither_note=x",
        "words=heavy",
    ] {
        assert_eq!(found(&stranger, query).await, "", "{query}");
    }
}

#[tokio::test]
async fn a_value_of_another_type_is_refused() {
    let (_app, owner) = filled().await;
    for query in [
        "above=x",
        "above=2147483648",
        "price_from=1e3",
        "sent_from=2026-02-30",
        "note_is_null=1",
    ] {
        owner
            .get(&format!("/v1/parcels?{query}"))
            .await
            .assert_problem(422, "invalid_input");
    }
}

#[tokio::test]
async fn a_total_is_counted_on_demand_and_up_to_a_limit() {
    let (app, owner) = filled().await;
    let total = async |query: &str| {
        let page = owner.get(&format!("/v1/parcels?{query}")).await;
        page.assert_status(200).json()["total"].clone()
    };

    assert_eq!(total("limit=2").await, json!(null));
    assert_eq!(
        total("limit=2&total=true").await,
        json!({ "count": 5, "exact": true })
    );
    assert_eq!(
        total("tag=iron&total=true&limit=1").await,
        json!({ "count": 3, "exact": true })
    );
    assert_eq!(
        total("equal=x&total=true").await,
        json!({ "count": 0, "exact": true })
    );

    // The total does not depend on the page, not even on one without rows.
    let first = owner.get("/v1/parcels?total=true&limit=4").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = format!("total=true&limit=4&cursor={cursor}");
    assert_eq!(total(&second).await, json!({ "count": 5, "exact": true }));
    crate::specimens::run(&app, "DELETE FROM parcels WHERE title = 'Élan'").await;
    assert_eq!(total(&second).await, json!({ "count": 4, "exact": true }));

    let many = format!(
        "INSERT INTO parcels (id, organization_id, title, size) \
         SELECT gen_random_uuid(), '{}', 'many', 0 FROM generate_series(1, 9996)",
        owner.organization()
    );
    crate::specimens::run(&app, &many).await;
    assert_eq!(
        total("total=true&limit=1").await,
        json!({ "count": 10_000, "exact": true })
    );
    insert(&app, &owner, "title, size", &["'one more', 0"]).await;
    assert_eq!(
        total("total=true&limit=1").await,
        json!({ "count": 10_000, "exact": false })
    );
}
