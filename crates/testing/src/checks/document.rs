mod operations;
mod schemas;

use std::{
    collections::BTreeMap,
    io::Write as _,
    process::{Command, Stdio},
};

use mainstay::Platform;
use serde_json::Value;

/// Asserts what must be true of the OpenAPI document, and gives it as text with sorted members, for a snapshot (OWASP ASVS
/// 2.1.1).
///
/// Where this machine has Python with `openapi-spec-validator`, the document is validated too.
///
/// # Panics
/// When an operation has no summary, no documented refusals or an id that another has; when a query parameter is not described;
/// when a schema has no example, or one that it refuses; when the document is not valid.
pub fn document(platform: &Platform) -> String {
    let api = platform.api().unwrap_or_else(|error| panic!("{error}"));
    let document = api.document();

    operations::check(document, platform);
    schemas::check(document);
    validate(document);

    serde_json::to_string_pretty(&sorted(document)).unwrap() + "\n"
}

/// The document with its members in alphabetical order, whatever order this build of serde_json keeps.
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

/// By the reference validator, where this machine has it: nothing is installed from a test.
#[expect(
    clippy::print_stderr,
    reason = "the reader of the output must see that it was not validated"
)]
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
        eprintln!("skipped: there is no python3");
        return;
    };

    // A validator that is missing does not read.
    validator
        .stdin
        .take()
        .unwrap()
        .write_all(document.to_string().as_bytes())
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
