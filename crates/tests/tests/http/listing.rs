//! `GET /v1/customers`: pages, orders, filters.

use std::collections::BTreeSet;

use mainstay::access::BuiltInRole::{Agent, Manager};
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

use crate::{create, start};

const NAMES: [&str; 7] = ["dora", "Ada", "carl", "Bea", "ada", "Émile", "zoë"];

async fn filled() -> (TestApp, Actor) {
    let app = start().await;
    let agent = app.actor(Manager).await;
    for (n, name) in NAMES.iter().enumerate() {
        let status = if n % 2 == 0 { "lead" } else { "active" };
        let body = json!({
            "full_name": name,
            "email": format!("{n}@example.org"),
            "status": status,
            "tags": [format!("t{}", n % 3)],
        });
        create(&agent, body).await;
    }
    (app, agent)
}

/// Every item of a listing, page by page.
async fn walk(by: &Actor, query: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = by
            .get(&format!("/v1/customers?{query}{cursor}"))
            .await
            .assert_status(200)
            .json();
        items.extend(page["items"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

fn field(items: &[Value], name: &str) -> Vec<String> {
    items
        .iter()
        .map(|item| item[name].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn pages_of_any_size_give_every_row_once_and_in_order() {
    let (_app, agent) = filled().await;
    for sort in ["newest", "oldest", "name", "name_descending"] {
        let whole = field(&walk(&agent, &format!("sort={sort}")).await, "id");
        assert_eq!(whole.iter().collect::<BTreeSet<_>>().len(), NAMES.len());

        for limit in [1, 2, 3, 7] {
            assert_eq!(
                field(
                    &walk(&agent, &format!("sort={sort}&limit={limit}")).await,
                    "id"
                ),
                whole,
                "{sort} {limit}"
            );
        }
    }
}

#[tokio::test]
async fn rows_come_in_the_requested_order() {
    let (_app, agent) = filled().await;
    let newest = field(&walk(&agent, "").await, "created_at");
    assert!(newest.is_sorted_by(|one, other| one >= other));
    let mut oldest = field(&walk(&agent, "sort=oldest").await, "created_at");
    oldest.reverse();
    assert_eq!(oldest, newest);
    let initials = field(&walk(&agent, "sort=name").await, "full_name");
    assert_eq!(initials, ["A.", "a.", "B.", "c.", "d.", "z.", "É."]);
}

#[tokio::test]
async fn filters_narrow_and_combine() {
    let (_app, agent) = filled().await;
    assert_eq!(walk(&agent, "status=lead&limit=1").await.len(), 4);
    assert_eq!(walk(&agent, "tag=t0&limit=1").await.len(), 3);
    assert_eq!(walk(&agent, "tag=t0&status=lead").await.len(), 2);
    assert_eq!(walk(&agent, "tag=unknown").await.len(), 0);

    let all = field(&walk(&agent, "sort=oldest").await, "created_at");
    assert_eq!(
        walk(&agent, &format!("created_from={}", all[5]))
            .await
            .len(),
        2
    );

    assert_eq!(
        walk(&agent, &format!("created_until={}", all[5]))
            .await
            .len(),
        5
    );
}

#[tokio::test]
async fn inserts_and_deletes_between_pages_do_not_shift_rows() {
    let (_app, agent) = filled().await;
    let whole = field(&walk(&agent, "").await, "id");
    let first = agent.get("/v1/customers?limit=3").await.json();

    create(
        &agent,
        json!({ "full_name": "New", "email": "new@example.org" }),
    )
    .await;

    let cursor = first["next_cursor"].as_str().unwrap();
    let second = agent
        .get(&format!("/v1/customers?limit=3&cursor={cursor}"))
        .await
        .json();

    assert_eq!(
        field(second["items"].as_array().unwrap(), "id"),
        whole[3..6]
    );
}

/// A cursor is opaque and works for its own listing only.
#[tokio::test]
async fn a_cursor_is_refused_for_another_listing() {
    let (app, agent) = filled().await;
    let page = agent.get("/v1/customers?limit=2&sort=name").await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let changed = {
        let mut bytes = cursor.as_bytes().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };

    for query in [
        format!("sort=newest&cursor={cursor}"),
        format!("sort=name&status=lead&cursor={cursor}"),
        format!("sort=name&cursor={changed}"),
        "cursor=AAAA".to_owned(),
        "cursor=%F0%9F%92%A9".to_owned(),
    ] {
        let refused = agent.get(&format!("/v1/customers?{query}")).await;
        assert_eq!(
            refused
                .assert_problem(422, "invalid_input")
                .problem()
                .errors,
            ["query/cursor"],
            "{query}"
        );
    }

    let stranger = app.stranger(Manager).await;
    let refused = stranger
        .get(&format!("/v1/customers?limit=2&sort=name&cursor={cursor}"))
        .await;

    refused.assert_problem(422, "invalid_input");
}

#[tokio::test]
async fn a_limit_is_from_1_to_100() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    for limit in ["1", "100"] {
        agent
            .get(&format!("/v1/customers?limit={limit}"))
            .await
            .assert_status(200);
    }

    for limit in ["0", "101", "-1", "1.5", "x", "", "18446744073709551616"] {
        let refused = agent.get(&format!("/v1/customers?limit={limit}")).await;
        assert_eq!(
            refused
                .assert_problem(422, "invalid_input")
                .problem()
                .errors,
            ["query/limit"],
            "{limit}"
        );
    }
}
