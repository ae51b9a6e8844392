use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use mainstay_http::{Requirement, access_matrix};
use serde_json::Value;

fn document() -> Value {
    app::platform().api().unwrap().document().clone()
}

/// Each operation: its method and path, and what the document says of it.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let found: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |it| (path, it)))
        .map(|(path, (method, entry))| (format!("{} {path}", method.to_uppercase()), entry.clone()))
        .collect();
    assert!(found.len() > 10, "only {} operations were found", found.len());
    found
}

#[test]
fn no_two_operations_have_the_same_id() {
    let document = document();
    let operations = operations(&document);
    let ids: BTreeSet<_> = operations.iter().map(|(_, entry)| entry["operationId"].to_string()).collect();
    assert_eq!(ids.len(), operations.len());
}

#[test]
fn what_is_not_public_says_so() {
    let document = document();
    let operations = operations(&document);
    for row in access_matrix(app::platform().modules()) {
        let name = format!("{} {}", row.method, row.path);
        let (_, entry) = operations.iter().find(|(it, _)| *it == name).unwrap();
        let schemes: &[&str] = match row.requirement {
            Requirement::Public => &[],
            Requirement::InPerson => &["bearer", "cookie"],
            Requirement::SignedIn | Requirement::Permission(_) => &["bearer", "basic", "cookie"],
        };
        let expected: Value = schemes.iter().map(|scheme| serde_json::json!({ *scheme: [] })).collect();
        assert_eq!(entry["security"], expected, "{name}");
        if row.requirement != Requirement::Public {
            assert!(entry["responses"]["401"].is_object(), "{name} documents no 401");
        }
        if matches!(row.requirement, Requirement::Permission(_)) {
            assert!(entry["responses"]["403"].is_object(), "{name} documents no 403");
        }
    }
}

#[test]
fn every_operation_and_parameter_is_described() {
    for (name, entry) in operations(&document()) {
        assert!(!entry["summary"].as_str().unwrap_or_default().is_empty(), "{name} has no summary");
        for parameter in entry["parameters"].as_array().into_iter().flatten().filter(|it| it["in"] == "query") {
            assert!(parameter["description"].is_string(), "{name}: {} is not described", parameter["name"]);
        }
    }
}

/// By the reference validator, where this machine has it: nothing is installed from a test.
#[test]
#[expect(clippy::print_stderr, reason = "whoever runs it must know that it did not run")]
fn the_document_is_valid_openapi() {
    const VALIDATE: &str = "import json, sys\n\
         try: import openapi_spec_validator\n\
         except ImportError: sys.exit(99)\n\
         openapi_spec_validator.validate(json.load(sys.stdin))";
    let started = Command::new("python3").args(["-c", VALIDATE]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut validator) = started else {
        eprintln!("skipped: there is no python3");
        return;
    };
    // A validator that is missing does not read.
    validator.stdin.take().unwrap().write_all(document().to_string().as_bytes()).ok();
    let output = validator.wait_with_output().unwrap();
    if output.status.code() == Some(99) {
        eprintln!("skipped: python3 has no openapi-spec-validator");
        return;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
