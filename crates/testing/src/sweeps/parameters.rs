//! Sweep: parameters that are not documented or break their rules.

use mainstay::Platform;
use serde_json::Value;

use super::{coverage::Coverage, operations::Operation, sweep::Sweep};
use crate::TestApp;

const MALFORMED: &[(u16, &str)] = &[(400, "malformed_request")];
const INVALID: &[(u16, &str)] = &[(422, "invalid_input")];

/// Checks that an undocumented or invalid parameter is refused: unknown names, repeated names and
/// each broken rule in the query string; malformed ids in the path (OWASP ASVS 1.1.1, 2.2.1,
/// 15.3.7).
///
/// # Panics
/// When an invalid parameter is accepted, or refused in an undocumented way.
pub async fn parameters(platform: Platform, coverage: Coverage) {
    let mut sweep = Sweep::start(TestApp::builder(platform)).await;
    for operation in sweep.operations_in(coverage) {
        if !operation.query.is_empty() {
            in_query(&mut sweep, &operation).await;
        }
        if operation.path.contains('{') {
            in_path(&mut sweep, &operation).await;
        }
    }
    sweep.finish().await;
}

async fn in_query(sweep: &mut Sweep, operation: &Operation) {
    let mut attacks = vec![
        (
            "an unknown parameter".to_owned(),
            "no_such_parameter=1".to_owned(),
            INVALID,
        ),
        (
            "bytes that are not UTF-8".to_owned(),
            "a=%ff".to_owned(),
            MALFORMED,
        ),
        ("a NUL".to_owned(), "a=%00".to_owned(), MALFORMED),
    ];

    for (name, schema) in &operation.query {
        let value = encoded(&sweep.schemas.least(schema));

        // A list repeats its name.
        if sweep.schemas.plain(schema)["type"] != "array" {
            attacks.push((
                format!("{name} twice"),
                format!("{name}={value}&{name}={value}"),
                MALFORMED,
            ));
        }

        attacks.push((
            format!("{name} as a list"),
            format!("{name}[]={value}"),
            INVALID,
        ));

        // In a query string everything is text, so text cannot have the wrong type.
        let violations = sweep
            .schemas
            .violations(schema)
            .into_iter()
            .filter(|it| !it.value.is_object());

        for violation in violations {
            let items = violation
                .value
                .as_array()
                .map_or(std::slice::from_ref(&violation.value), Vec::as_slice);
            let repeated: Vec<_> = items
                .iter()
                .map(|item| format!("{name}={}", encoded(item)))
                .collect();

            attacks.push((
                format!("{name}{}", violation.what),
                repeated.join("&"),
                INVALID,
            ));
        }
    }

    let path = sweep.path_to_a_row(operation).await;

    for (what, query, expected) in attacks {
        let call = sweep
            .caller(operation)
            .request(operation.method.clone(), &format!("{path}?{query}"));
        sweep
            .attack_in_batch(operation, &what, call, expected)
            .await;
    }
}

async fn in_path(sweep: &mut Sweep, operation: &Operation) {
    let attacks = [
        ("a word for an id", "word", INVALID),
        ("a number for an id", "1", INVALID),
        (
            "an id encoded twice",
            "018f3b6c%252d0000-7000-8000-000000000000",
            INVALID,
        ),
        ("a quotation mark in the id", "%27%20OR%201%3D1--", INVALID),
        ("a NUL in the id", "%00", MALFORMED),
        ("bytes that are not UTF-8 in the id", "%ff", MALFORMED),
    ];

    for (what, id, expected) in attacks {
        let path: Vec<_> = operation
            .path
            .split('/')
            .map(|it| if it.starts_with('{') { id } else { it })
            .collect();
        let call = sweep
            .caller(operation)
            .request(operation.method.clone(), &path.join("/"));
        sweep.attack_in_batch(operation, what, call, expected).await;
    }
}

fn encoded(value: &Value) -> String {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
