//! Sweep: bodies that no operation may take.

use mainstay::Platform;
use serde_json::Value;

use super::{coverage::Coverage, operations::Operation, sweep::Sweep};
use crate::TestApp;

/// Body limit of the service under attack, in bytes (the default).
const LIMIT: usize = 1 << 20;

type Expected = &'static [(u16, &'static str)];

const MALFORMED: Expected = &[(400, "malformed_request")];
const INVALID: Expected = &[(422, "invalid_input")];
const TOO_LARGE: Expected = &[(413, "content_too_large")];
const UNSUPPORTED: Expected = &[(415, "unsupported_media_type")];
/// Nested too deeply for the parser, or of the wrong type at the first bracket.
const TOO_DEEP: Expected = &[(400, "malformed_request"), (422, "invalid_input")];

/// Checks that an invalid body is refused before anything happens: malformed JSON, a body that is
/// too large or of another content type, and each broken rule of the schema (OWASP ASVS 1.4.2,
/// 1.5.2, 1.5.3, 2.1.1, 2.2.1, 4.1.1, 15.3.3).
///
/// # Panics
/// When an invalid body is accepted, or refused in an undocumented way.
pub async fn bodies(platform: Platform, coverage: Coverage) {
    let limit = format!("{LIMIT}B");
    let mut sweep =
        Sweep::start(TestApp::builder(platform).setting("http.body_limit", limit)).await;
    for operation in sweep
        .operations_in(coverage)
        .iter()
        .filter(|operation| operation.takes_json())
    {
        let Some((_, schema)) = &operation.body else {
            continue;
        };

        let whole = sweep.schemas.whole(schema);
        for (what, body, expected) in broken(&whole, operation.body_limit.unwrap_or(LIMIT)) {
            send(
                &mut sweep,
                operation,
                what,
                operation.content_type(),
                body,
                expected,
            )
            .await;
        }

        for content_type in [
            "text/plain",
            "application/xml",
            "application/json; charset=utf-16",
            "json",
            "",
        ] {
            let what = format!("sent as {content_type:?}");
            send(
                &mut sweep,
                operation,
                &what,
                content_type,
                whole.to_string().into(),
                UNSUPPORTED,
            )
            .await;
        }

        for (what, body) in with_server_members(&whole) {
            send(
                &mut sweep,
                operation,
                &what,
                operation.content_type(),
                body,
                INVALID,
            )
            .await;
        }

        compressed(&mut sweep, operation, &whole).await;

        for violation in sweep.schemas.violations(schema) {
            let body = violation.value.to_string().into_bytes();
            send(
                &mut sweep,
                operation,
                &violation.what,
                operation.content_type(),
                body,
                INVALID,
            )
            .await;
        }
    }

    sweep.finish().await;
}

/// Bodies that are malformed under any schema, for an operation that takes up to `limit` bytes.
fn broken(whole: &Value, limit: usize) -> Vec<(&'static str, Vec<u8>, Expected)> {
    let text = whole.to_string();
    let without_end = &text[..text.len() - 1];
    let (first, value) = whole
        .as_object()
        .and_then(|members| members.iter().next())
        .expect("a body has members");
    let separator = if without_end.len() > 1 { "," } else { "" };

    let with = |more: &str| format!("{without_end}{separator}{more}}}").into_bytes();
    let mut not_utf8 = format!("{without_end}{separator}\"a\":\"").into_bytes();
    not_utf8.extend(b"\xff\xfe\"}");

    vec![
        ("an empty body", Vec::new(), MALFORMED),
        ("truncated JSON", without_end.into(), MALFORMED),
        (
            "JSON in single quotes",
            text.replace('"', "'").into(),
            MALFORMED,
        ),
        (
            "text after the JSON",
            format!("{text}{{}}").into(),
            MALFORMED,
        ),
        ("NaN as a number", with("\"a\":NaN"), TOO_DEEP),
        (
            "a member twice",
            with(&format!("\"{first}\":{value}")),
            MALFORMED,
        ),
        (
            "a NUL in a string",
            format!("{{\"{first}\":\"a\\u0000b\"}}").into(),
            MALFORMED,
        ),
        ("bytes that are not UTF-8", not_utf8, MALFORMED),
        ("nested arrays", vec![b'['; limit], TOO_DEEP),
        (
            "nested objects",
            format!("{{\"{first}\":")
                .repeat(limit / (first.len() + 4))
                .into(),
            TOO_DEEP,
        ),
        ("more than the limit", vec![b' '; limit + 1], TOO_LARGE),
        ("null", b"null".to_vec(), INVALID),
        ("a string", b"\"text\"".to_vec(), INVALID),
    ]
}

/// Bodies with a member that only the service sets and the schema does not have (mass assignment).
fn with_server_members(whole: &Value) -> Vec<(String, Vec<u8>)> {
    let names = [
        "id",
        "organization_id",
        "role",
        "permissions",
        "version",
        "created_at",
        "active",
    ];

    let foreign = names.into_iter().filter(|name| whole.get(name).is_none());
    let bodies = foreign.map(|name| {
        let mut body = whole.clone();
        body[name] = "owner".into();
        (format!("with {name}"), body.to_string().into_bytes())
    });

    bodies.collect()
}

async fn send(
    sweep: &mut Sweep,
    operation: &Operation,
    what: &str,
    content_type: &str,
    body: Vec<u8>,
    expected: Expected,
) {
    let path = sweep.path_to_a_row(operation).await;
    let mut call = sweep
        .caller(operation)
        .request(operation.method.clone(), &path);
    if !content_type.is_empty() {
        call = call.header("content-type", content_type);
    }
    sweep
        .attack_in_batch(operation, what, call.body(body), expected)
        .await;
}

/// Compressed bodies are refused, so a small body cannot expand to a large one (OWASP ASVS 5.2.3).
async fn compressed(sweep: &mut Sweep, operation: &Operation, whole: &Value) {
    let path = sweep.path_to_a_row(operation).await;

    for encoding in ["gzip", "br", "zstd"] {
        let call = sweep
            .caller(operation)
            .request(operation.method.clone(), &path);
        let call = call.header("content-encoding", encoding).json(whole);
        sweep
            .attack_in_batch(
                operation,
                &format!("compressed with {encoding}"),
                call,
                UNSUPPORTED,
            )
            .await;
    }
}
