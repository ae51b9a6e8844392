use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use mainstay_http::{Requirement, access_matrix};
use serde_json::Value;

fn document() -> Value {
    fixture::platform().api().unwrap().document().clone()
}

/// Each operation: its method and path, and what the document says of it.
fn operations(document: &Value) -> Vec<(String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let found: Vec<_> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |it| (path, it)))
        .map(|(path, (method, entry))| (format!("{} {path}", method.to_uppercase()), entry.clone()))
        .collect();

    assert!(
        found.len() > 10,
        "only {} operations were found",
        found.len()
    );

    found
}

#[test]
fn no_two_operations_have_the_same_id() {
    let document = document();
    let operations = operations(&document);
    let ids: BTreeSet<_> = operations
        .iter()
        .map(|(_, entry)| entry["operationId"].to_string())
        .collect();
    assert_eq!(ids.len(), operations.len());
}

#[test]
fn what_is_not_public_says_so() {
    let document = document();
    let operations = operations(&document);
    for row in access_matrix(fixture::platform().modules()) {
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
                "{name} documents no 401"
            );
        }

        if matches!(row.requirement, Requirement::Permission(_)) {
            assert!(
                entry["responses"]["403"].is_object(),
                "{name} documents no 403"
            );
        }
    }
}

#[test]
fn every_operation_and_parameter_is_described() {
    for (name, entry) in operations(&document()) {
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
                "{name}: {} is not described",
                parameter["name"]
            );
        }
    }
}

/// By the reference validator, where this machine has it: nothing is installed from a test.
#[test]
#[expect(
    clippy::print_stderr,
    reason = "whoever runs it must know that it did not run"
)]
fn the_document_is_valid_openapi() {
    const VALIDATE: &str = "import json, sys\n\
         try: import openapi_spec_validator\n\
         except ImportError: sys.exit(99)\n\
         openapi_spec_validator.validate(json.load(sys.stdin))";

    let started = Command::new("python3")
        .args(["-c", VALIDATE])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut validator) = started else {
        eprintln!("skipped: there is no python3");
        return;
    };

    // A validator that is missing does not read.
    validator
        .stdin
        .take()
        .unwrap()
        .write_all(document().to_string().as_bytes())
        .ok();

    let output = validator.wait_with_output().unwrap();
    if output.status.code() == Some(99) {
        eprintln!("skipped: python3 has no openapi-spec-validator");
        return;
    }

    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Each schema of the document, and where it stands.
fn schemas(document: &Value) -> Vec<(String, Value)> {
    fn collect(place: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        let members = value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, inner)| (name.clone(), inner));

        let items = value
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(at, inner)| (at.to_string(), inner));

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
        assert!(
            choices.clone().all(|choice| choice.get("const").is_none()),
            "{place}"
        );
    }

    let status = &document["components"]["schemas"]["Status"];
    assert_eq!(
        (&status["type"], status["enum"].as_array().unwrap().len()),
        (&Value::from("string"), 4)
    );
}

#[test]
fn no_schema_demands_what_it_does_not_define_or_is_named_by_a_number() {
    let document = document();
    for (place, schema) in schemas(&document) {
        let Some(properties) = schema["properties"].as_object() else {
            continue;
        };
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            assert!(properties.contains_key(name), "{place} demands {name}");
        }
    }

    for name in document["components"]["schemas"]
        .as_object()
        .unwrap()
        .keys()
    {
        assert!(
            !name.ends_with(|letter: char| letter.is_ascii_digit()),
            "{name}: two types have one name"
        );
    }
}

#[test]
fn clients_of_oauth_may_show_who_they_are_and_software_need_not_name_itself() {
    let document = document();
    for path in ["/oauth/token", "/oauth/revoke", "/oauth/introspect"] {
        assert_eq!(
            document["paths"][path]["post"]["security"][0],
            serde_json::json!({ "client": [] }),
            "{path}"
        );
    }

    for (name, entry) in operations(&document) {
        let mut parameters = entry["parameters"].as_array().into_iter().flatten();
        assert!(
            !parameters.any(|it| it["name"] == "user-agent"),
            "{name} takes User-Agent for an argument"
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

/// The problems that an operation documents, as status and code.
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

/// What a path or the connection answers, before there is an operation: `attacks/parser.rs` asks for each.
const OF_NO_OPERATION: [&str; 5] = [
    "method_not_allowed",
    "uri_too_long",
    "head_too_large",
    "not_implemented",
    "version_not_supported",
];

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
    let mut features: std::collections::BTreeMap<_, BTreeSet<String>> =
        std::collections::BTreeMap::default();
    for (_, entry) in operations(&document()) {
        for problem in problems(&entry) {
            features
                .entry(problem)
                .or_default()
                .insert(entry["tags"][0].to_string());
        }
    }

    for row in &rows {
        assert!(
            features.contains_key(row) || OF_NO_OPERATION.contains(&row.1.as_str()),
            "nothing answers {row:?}"
        );
    }

    for (problem, features) in &features {
        assert!(
            features.len() < 3 || rows.contains(problem),
            "docs/api-design.md does not name {problem:?}"
        );
    }
}

/// The text schemas below `schema`, each under the names that lead to it.
fn texts(path: &str, schema: &Value, found: &mut Vec<(String, Value)>) {
    let kinds = [&schema["type"], &schema["type"][0], &schema["type"][1]];
    if kinds.iter().any(|kind| **kind == "string") {
        found.push((path.to_owned(), schema.clone()));
    }

    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        texts(&format!("{path}/{name}"), property, found);
    }

    for below in ["allOf", "anyOf", "oneOf"]
        .iter()
        .flat_map(|key| schema[*key].as_array().into_iter().flatten())
    {
        texts(path, below, found);
    }

    if schema["items"].is_object() {
        texts(&format!("{path}/items"), &schema["items"], found);
    }
}

/// Tools that show an operation make a request of its schemas: one that says `"string"` for a name makes such a customer.
#[test]
fn every_text_has_an_example_that_its_own_schema_takes() {
    let document = document();
    let mut found = Vec::new();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        texts(name, schema, &mut found);
    }

    assert!(found.len() > 200, "only {} texts were found", found.len());

    let without: Vec<_> = found
        .iter()
        .filter(|(_, schema)| {
            ["enum", "const", "default", "examples"]
                .iter()
                .all(|key| schema[*key].is_null())
        })
        .map(|(path, _)| path)
        .collect();

    assert!(
        without.is_empty(),
        "write ``such as `…` `` into their documentation: {without:?}"
    );

    for (path, schema) in found {
        for example in schema["examples"].as_array().into_iter().flatten() {
            let text = example
                .as_str()
                .unwrap_or_else(|| panic!("{path}: the example is no text"));
            let length = u64::try_from(text.chars().count()).unwrap();

            assert!(
                length >= schema["minLength"].as_u64().unwrap_or(0),
                "{path}: {text} is too short"
            );
            assert!(
                length <= schema["maxLength"].as_u64().unwrap_or(u64::MAX),
                "{path}: {text} is too long"
            );
        }
    }
}

/// An example of a problem is the problem: its own status and code.
#[test]
fn every_problem_has_an_example_of_its_own() {
    let document = document();
    let mut seen = 0;
    for (name, entry) in operations(&document) {
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
                .unwrap_or_else(|| panic!("{name} {status}: none"))
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

    assert!(seen > 500, "only {seen} examples were found");
}

/// What an adopter has written is what they look for.
#[test]
fn the_apps_own_operations_come_first() {
    assert_eq!(document()["tags"][0]["name"], "customers");
}
