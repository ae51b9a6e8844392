//! The shape of the platform's API document.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

fn document() -> Value {
    fixture::platform().api().unwrap().document()
}

#[test]
fn a_choice_is_one_enumeration() {
    let document = document();
    let status = &document["components"]["schemas"]["Status"];
    assert_eq!(
        (&status["type"], status["enum"].as_array().unwrap().len()),
        (&Value::from("string"), 4)
    );
}

#[test]
fn clients_of_oauth_may_show_who_they_are() {
    let document = document();
    for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
        assert_eq!(
            document["paths"][path]["post"]["security"][0],
            serde_json::json!({ "client": [] }),
            "{path}"
        );
    }
}

/// The documented problems of an operation, as status and code.
fn problems(entry: &Value) -> BTreeSet<(String, String)> {
    let responses = entry["responses"].as_object().into_iter().flatten();
    let codes = responses.flat_map(|(status, response)| {
        let parts = response["content"]["application/problem+json"]["schema"]["allOf"].as_array();
        let codes = parts
            .into_iter()
            .flatten()
            .filter_map(|part| part["properties"]["code"]["enum"].as_array());
        codes
            .flatten()
            .filter_map(|code| Some((status.clone(), code.as_str()?.to_owned())))
            .collect::<Vec<_>>()
    });

    codes.collect()
}

/// Codes that a path or the connection answers before an operation is known: `attacks/parser.rs`
/// tests each.
const WITHOUT_OPERATION: [&str; 5] = [
    "method_not_allowed",
    "uri_too_long",
    "head_too_large",
    "not_implemented",
    "version_not_supported",
];

/// The table in `docs/api-design.md` lists only problems that exist, and each that three features
/// share.
#[test]
fn the_documented_table_of_problems_matches_the_code() {
    let text = std::fs::read_to_string(mainstay_tests::root().join("docs/api-design.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let code = cells.get(2)?.strip_prefix('`')?.strip_suffix('`')?;
        cells[1].parse::<u16>().ok()?;
        Some((cells[1].to_owned(), code.to_owned()))
    });

    let rows: BTreeSet<_> = rows.collect();
    let mut features: BTreeMap<_, BTreeSet<String>> = BTreeMap::default();
    let document = document();
    let paths = document["paths"].as_object().unwrap().values();
    for entry in paths.flat_map(|path| path.as_object().unwrap().values()) {
        for problem in problems(entry) {
            features
                .entry(problem)
                .or_default()
                .insert(entry["tags"][0].to_string());
        }
    }

    for row in &rows {
        assert!(
            features.contains_key(row) || WITHOUT_OPERATION.contains(&row.1.as_str()),
            "no operation answers {row:?}"
        );
    }

    for (problem, features) in &features {
        assert!(
            features.len() < 3 || rows.contains(problem),
            "docs/api-design.md does not list {problem:?}"
        );
    }
}

/// Adopters look for their own operations first.
#[test]
fn the_apps_own_operations_come_first() {
    assert_eq!(document()["tags"][0]["name"], "customers");
}
