//! The OpenAPI document is complete and valid.

mod operations;
mod schemas;

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use mainstay::Platform;
use serde_json::Value;

/// Checks the OpenAPI document, and returns it as text with sorted members, for a snapshot (OWASP
/// ASVS 2.1.1). It also validates the document where Python with `openapi-spec-validator` is
/// installed.
///
/// # Panics
/// When an operation has no summary, undocumented refusals or a duplicate id; when a query
/// parameter has no description; when a schema has no example or an invalid one; when the document
/// is invalid.
pub fn document(platform: &Platform) -> String {
    let api = platform.api().unwrap_or_else(|error| panic!("{error}"));
    let document = api.document();

    operations::check(&document, platform);
    schemas::check(&document);
    validate(&document);

    serde_json::to_string_pretty(&sorted(&document)).unwrap() + "\n"
}

/// The document with its members in alphabetical order, in any build of serde_json.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<_, _> = members
                .iter()
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect();
            ordered.into_iter().collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

/// Runs the reference validator where it is installed: a test installs nothing.
#[expect(clippy::print_stderr, reason = "a skipped check must be visible")]
fn validate(document: &Value) {
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
        eprintln!("skipped: python3 is missing");
        return;
    };

    // Without the validator, the process does not read its input.
    validator
        .stdin
        .take()
        .unwrap()
        .write_all(document.to_string().as_bytes())
        .ok();

    let output = validator.wait_with_output().unwrap();
    if output.status.code() == Some(99) {
        eprintln!("skipped: the Python package openapi-spec-validator is missing");
        return;
    }

    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
