//! What the document says about each operation.

use std::collections::BTreeSet;

use mainstay::Platform;
use mainstay_http::{Requirement, access_matrix};
use serde_json::Value;

/// Checks each operation.
pub fn check(document: &Value, platform: &Platform) {
    let operations = operations(document);

    ids_are_unique(&operations);
    refusals_are_documented(&operations, platform);
    operations_are_described(&operations);
    headers_are_documented(&operations);
    problems_have_examples(document, &operations);
}

/// Every operation: method and path, and its entry in the document.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let found: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |it| (path, it)))
        .map(|(path, (method, entry))| (format!("{} {path}", method.to_uppercase()), entry.clone()))
        .collect();

    assert!(found.len() > 10, "found only {} operations", found.len());

    found
}

fn ids_are_unique(operations: &[(String, Value)]) {
    let ids: BTreeSet<_> = operations
        .iter()
        .map(|(_, entry)| entry["operationId"].to_string())
        .collect();
    assert_eq!(ids.len(), operations.len());
}

fn refusals_are_documented(operations: &[(String, Value)], platform: &Platform) {
    for row in access_matrix(platform.modules()) {
        let name = format!("{} {}", row.method, row.path);
        let (_, entry) = operations.iter().find(|(it, _)| *it == name).unwrap();
        let schemes: &[&str] = match row.requirement {
            Requirement::Public => &[],
            Requirement::InPerson => &["bearer", "cookie"],
            Requirement::SignedIn | Requirement::Permission(_) => &["bearer", "basic", "cookie"],
        };

        let expected: Value = schemes
            .iter()
            .map(|scheme| serde_json::json!({ *scheme: [] }))
            .collect();
        let is_public = row.requirement == Requirement::Public;
        let client = serde_json::json!([{ "client": [] }, {}]);

        assert!(
            entry["security"] == expected || (is_public && entry["security"] == client),
            "{name}"
        );

        if row.requirement != Requirement::Public {
            assert!(
                entry["responses"]["401"].is_object(),
                "{name} does not document 401"
            );
        }

        if matches!(row.requirement, Requirement::Permission(_)) {
            assert!(
                entry["responses"]["403"].is_object(),
                "{name} does not document 403"
            );
        }
    }
}

fn operations_are_described(operations: &[(String, Value)]) {
    for (name, entry) in operations {
        assert!(
            !entry["summary"].as_str().unwrap_or_default().is_empty(),
            "{name} has no summary"
        );

        for parameter in entry["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|it| it["in"] == "query")
        {
            assert!(
                parameter["description"].is_string(),
                "{name}: {} has no description",
                parameter["name"]
            );
        }
    }
}

fn headers_are_documented(operations: &[(String, Value)]) {
    for (name, entry) in operations {
        let mut parameters = entry["parameters"].as_array().into_iter().flatten();
        assert!(
            !parameters.any(|it| it["name"] == "user-agent"),
            "{name} documents User-Agent as a parameter"
        );

        if let Some(refusal) = entry["responses"].get("415") {
            let header = if name.starts_with("PATCH") {
                "Accept-Patch"
            } else {
                "Accept-Post"
            };
            let is_put = name.starts_with("PUT");
            assert!(
                is_put || refusal["headers"].get(header).is_some(),
                "{name} does not document {header}"
            );
        }
    }
}

/// The example of a problem has the problem's own status and code.
fn problems_have_examples(document: &Value, operations: &[(String, Value)]) {
    let mut seen = 0;
    for (name, entry) in operations {
        for (status, response) in entry["responses"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(status, _)| status.as_str() >= "400")
        {
            let content = response["content"]
                .as_object()
                .unwrap()
                .values()
                .next()
                .unwrap();

            for (code, example) in content["examples"]
                .as_object()
                .unwrap_or_else(|| panic!("{name} {status}: the example is missing"))
            {
                let found = document
                    .pointer(&example["$ref"].as_str().unwrap()[1..])
                    .unwrap();
                assert_eq!(found["value"]["status"].to_string(), *status, "{name}");
                assert_eq!(found["value"]["code"], **code, "{name}");
                seen += 1;
            }
        }
    }

    assert!(seen > 100, "found only {seen} examples");
}
