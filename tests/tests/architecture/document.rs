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
        let is_public = row.requirement == Requirement::Public;
        let client = serde_json::json!([{ "client": [] }, {}]);
        assert!(entry["security"] == expected || (is_public && entry["security"] == client), "{name}");
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

/// Each schema of the document, and where it stands.
fn schemas(document: &Value) -> Vec<(String, Value)> {
    fn collect(place: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        let members = value.as_object().into_iter().flatten().map(|(name, inner)| (name.clone(), inner));
        let items = value.as_array().into_iter().flatten().enumerate().map(|(at, inner)| (at.to_string(), inner));
        for (name, inner) in members.chain(items) {
            collect(&format!("{place}/{name}"), inner, found);
        }
        if value.is_object() {
            found.push((place.to_owned(), value.clone()));
        }
    }
    let mut found = Vec::new();
    collect("", document, &mut found);
    found
}

/// Generators of clients make an enumeration of `enum`, and nothing useful of a `const` for each word.
#[test]
fn a_choice_is_one_enumeration() {
    let document = document();
    for (place, schema) in schemas(&document) {
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        assert!(choices.clone().all(|choice| choice.get("const").is_none()), "{place}");
    }
    let status = &document["components"]["schemas"]["Status"];
    assert_eq!((&status["type"], status["enum"].as_array().unwrap().len()), (&Value::from("string"), 4));
}

#[test]
fn no_schema_demands_what_it_does_not_define_or_is_named_by_a_number() {
    let document = document();
    for (place, schema) in schemas(&document) {
        let Some(properties) = schema["properties"].as_object() else { continue };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            assert!(properties.contains_key(name), "{place} demands {name}");
        }
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(!name.ends_with(|letter: char| letter.is_ascii_digit()), "{name}: two types have one name");
    }
}

#[test]
fn clients_of_oauth_may_show_who_they_are_and_software_need_not_name_itself() {
    let document = document();
    for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
        assert_eq!(document["paths"][path]["post"]["security"][0], serde_json::json!({ "client": [] }), "{path}");
    }
    for (name, entry) in operations(&document) {
        let mut parameters = entry["parameters"].as_array().into_iter().flatten();
        assert!(!parameters.any(|it| it["name"] == "user-agent"), "{name} takes User-Agent for an argument");
        if let Some(refusal) = entry["responses"].get("415") {
            let header = if name.starts_with("PATCH") { "Accept-Patch" } else { "Accept-Post" };
            let is_put = name.starts_with("PUT");
            assert!(is_put || refusal["headers"].get(header).is_some(), "{name} does not document {header}");
        }
    }
}

/// The problems that an operation documents, as status and code.
fn problems(entry: &Value) -> BTreeSet<(String, String)> {
    let responses = entry["responses"].as_object().into_iter().flatten();
    let codes = responses.flat_map(|(status, response)| {
        let parts = response["content"]["application/problem+json"]["schema"]["allOf"].as_array();
        let codes = parts.into_iter().flatten().filter_map(|part| part["properties"]["code"]["enum"].as_array());
        codes.flatten().filter_map(|code| Some((status.clone(), code.as_str()?.to_owned()))).collect::<Vec<_>>()
    });
    codes.collect()
}

/// What a path or the connection answers, before there is an operation: `attacks/parser.rs` asks for each.
const OF_NO_OPERATION: [&str; 5] =
    ["method_not_allowed", "uri_too_long", "head_too_large", "not_implemented", "version_not_supported"];

/// The table of `docs/api-design.md` names no problem that nothing answers, and each that three features share.
#[test]
fn the_table_of_problems_is_what_the_code_answers() {
    let text = std::fs::read_to_string(mainstay_tests::root().join("docs/api-design.md")).unwrap();
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let code = cells.get(2)?.strip_prefix('`')?.strip_suffix('`')?;
        cells[1].parse::<u16>().ok()?;
        Some((cells[1].to_owned(), code.to_owned()))
    });
    let rows: BTreeSet<_> = rows.collect();
    let mut features: std::collections::BTreeMap<_, BTreeSet<String>> = std::collections::BTreeMap::default();
    for (_, entry) in operations(&document()) {
        for problem in problems(&entry) {
            features.entry(problem).or_default().insert(entry["tags"][0].to_string());
        }
    }
    for row in &rows {
        assert!(features.contains_key(row) || OF_NO_OPERATION.contains(&row.1.as_str()), "nothing answers {row:?}");
    }
    for (problem, features) in &features {
        assert!(features.len() < 3 || rows.contains(problem), "docs/api-design.md does not name {problem:?}");
    }
}
