//! Each column type at its extremes, through HTTP to Postgres and back: what is accepted comes back
//! equal, and everything else is 422.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use mainstay_testing::Actor;
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

use crate::specimens::start;

/// Number of random values per type and kind of row.
const RANDOM: usize = 20;

/// A field, values that it accepts, and values that it refuses.
struct Case {
    field: &'static str,
    accepted: Vec<Value>,
    refused: Vec<Value>,
}

fn case(field: &'static str, accepted: Value, refused: Value) -> Case {
    let items = |values: Value| values.as_array().cloned().unwrap_or_default();
    Case {
        field,
        accepted: items(accepted),
        refused: items(refused),
    }
}

fn numbers() -> Vec<Case> {
    vec![
        case(
            "small",
            json!([i16::MIN, -1, 0, i16::MAX]),
            json!([32768, -32769, 1.5, "1", true]),
        ),
        case(
            "whole",
            json!([i32::MIN, 0, i32::MAX]),
            json!([2_147_483_648_i64, 1.5, "1"]),
        ),
        case(
            "large",
            json!([i64::MIN, 0, i64::MAX]),
            json!([9_223_372_036_854_775_808_u64, 1e19, 0.1, "1"]),
        ),
        case(
            "single",
            json!([
                0.0,
                -0.1_f32,
                f32::MAX,
                f32::MIN,
                f32::MIN_POSITIVE,
                1e-45_f32,
                16_777_216
            ]),
            json!(["NaN", "Infinity", "1", true]),
        ),
        case(
            "double",
            json!([
                0.0,
                0.1,
                f64::MAX,
                f64::MIN,
                f64::MIN_POSITIVE,
                5e-324,
                9_007_199_254_740_993_i64
            ]),
            json!(["NaN", "-Infinity", "1", {}]),
        ),
        case(
            "amount",
            json!([
                "0",
                "-12.50",
                "79228162514264337593543950335",
                "-79228162514264337593543950335",
                "0.0000000000000000000000000001",
                "7.9228162514264337593543950335",
                "1234567890123.456789012345678",
                "10000",
                "0.0001",
                "100000000.00000001",
            ]),
            json!([
                "79228162514264337593543950336",
                "0.00000000000000000000000000001",
                "1e3",
                "NaN",
                "Infinity",
                "",
                "01",
                "+1",
                "1.",
                12.5,
            ]),
        ),
    ]
}

fn texts() -> Vec<Case> {
    let longest = "a".repeat(64) + "@" + &"b".repeat(63) + ".example.org";
    vec![
        case("flag", json!([true, false]), json!(["true", 0, 1])),
        case(
            "text",
            json!([
                "",
                " ",
                "\u{1}\t\r\n",
                "\u{10ffff}\u{200b}",
                "O'Neil \"\\",
                "x".repeat(20_000)
            ]),
            json!([1, ["a"]]),
        ),
        case(
            "kind",
            json!(["first_one", "second"]),
            json!(["third", "FirstOne", "", 1]),
        ),
        case(
            "email",
            json!(["a@b", "Ada.Lovelace+x@Example.org", longest]),
            json!(["", "a", "a@", "a b@c", "a@b@c", "é@example.org", 1]),
        ),
        case(
            "content",
            json!(["", "AA==", STANDARD.encode([255; 300])]),
            json!([STANDARD.encode([0; 301]), "AA", "A-==", "AB==", "é", 1]),
        ),
        case(
            "raw",
            json!([
                {}, [], "", 0, true, "\u{1}", { "a": [null, { "b": 1e-7, "": -1.5 }], "ü": 9_007_199_254_740_993_i64 },
                1e300, u64::MAX, "1e400",
            ]),
            json!([]),
        ),
        case(
            "detail",
            json!([{ "name": "", "number": -5, "day": null }, { "name": "x", "number": 5, "day": "9999-12-31" }]),
            json!([
                { "name": "x" }, { "name": "x", "number": 6 }, { "name": "x", "number": 0, "more": 1 },
                { "name": "x".repeat(21), "number": 0 }, "x", [],
            ]),
        ),
    ]
}

fn others() -> Vec<Case> {
    let uuids = json!([
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ]);
    vec![
        case(
            "token",
            uuids.clone(),
            json!(["", "no", 1, "ffffffff-ffff-ffff-ffff-fffffffffff"]),
        ),
        case(
            "other",
            uuids,
            json!(["", "ffffffffffffffffffffffffffffffff", 1]),
        ),
        case(
            "day",
            json!(["0001-01-01", "2000-02-29", "9999-12-31"]),
            json!([
                "0000-12-31",
                "10000-01-01",
                "2001-02-29",
                "2001-1-1",
                "-0001-01-01",
                "infinity",
                "",
                20010101
            ]),
        ),
        case(
            "hour",
            json!(["00:00:00", "23:59:59.999999", "12:00:00.000001"]),
            json!([
                "24:00:00",
                "23:59:60",
                "12:00",
                "12:00:00.0000001",
                "12:00:00Z",
                "",
                12
            ]),
        ),
        case(
            "moment",
            json!([
                "0001-01-01T00:00:00.000000Z",
                "1969-12-31T23:59:59.999999Z",
                "9999-12-31T23:59:59.999999Z"
            ]),
            json!([
                "0000-12-31T23:59:59Z",
                "10000-01-01T00:00:00Z",
                "2026-01-31",
                "infinity",
                "",
                0
            ]),
        ),
        case(
            "span",
            json!([
                "PT0S",
                "P1Y2M3DT4H5M6.5S",
                "P-1M",
                "PT-0.000001S",
                "P1DT-1S",
                "P178956970Y7M2147483646DT2562047788H54.775807S",
                "P-178956970Y-8M-2147483647DT-2562047788H-54.775808S",
            ]),
            json!([
                "P178956970Y7M2147483647DT2562047788H54.775807S",
                "P2147483648D",
                "P",
                "1 day",
                "infinity",
                "",
                1
            ]),
        ),
        case(
            "network",
            json!([
                "0.0.0.0/0",
                "192.0.2.1",
                "192.0.2.1/24",
                "::/0",
                "2001:db8::1",
                "::ffff:192.0.2.1"
            ]),
            json!([
                "192.0.2.256",
                "192.0.2.0/33",
                "::/129",
                "fe80::1%eth0",
                "localhost",
                "",
                1
            ]),
        ),
    ]
}

fn cases() -> Vec<Case> {
    [numbers(), texts(), others()]
        .into_iter()
        .flatten()
        .collect()
}

/// A body whose fields are all valid.
fn base(of: impl Fn(&Value) -> Value) -> Value {
    cases()
        .iter()
        .map(|case| (case.field.to_owned(), of(&case.accepted[0])))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Stores `value` in `field` and returns what the service answers.
async fn stored(by: &Actor, path: &str, base: &Value, field: &str, value: &Value) -> Value {
    let mut body = base.clone();
    body[field] = value.clone();
    let shown = by.post(path, body).await.assert_status(200).json();
    shown[field].clone()
}

/// Equal, where a number of 32 bits may have more digits than it was given.
fn assert_same(field: &str, shown: &Value, given: &Value) {
    let same = match (field, shown.as_f64(), given.as_f64()) {
        ("single", Some(shown), Some(given)) => shown as f32 == given as f32,
        ("double" | "raw", Some(shown), Some(given)) => shown == given,
        ("amount", ..) => decimal(shown) == decimal(given),
        _ => shown == given,
    };
    assert!(same, "{field}: {shown} instead of {given}");
}

fn decimal(value: &Value) -> Option<mainstay::kernel::Decimal> {
    value.as_str().and_then(|text| text.parse().ok())
}

#[tokio::test]
async fn what_is_accepted_comes_back_equal() {
    let (_app, owner) = start().await;
    let plain = base(Value::clone);

    for case in cases() {
        for value in &case.accepted {
            for path in ["/v1/plain", "/v1/optional", "/v1/sealed"] {
                let shown = stored(&owner, path, &plain, case.field, value).await;
                assert_same(case.field, &shown, value);
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_a_value_of_optional_columns_only() {
    let (_app, owner) = start().await;
    let plain = base(Value::clone);

    for case in cases() {
        let shown = stored(&owner, "/v1/optional", &plain, case.field, &Value::Null).await;
        assert_eq!(shown, Value::Null, "{}", case.field);

        // `null` is JSON.
        if case.field == "raw" {
            continue;
        }
        for path in ["/v1/plain", "/v1/sealed"] {
            let mut body = plain.clone();
            body[case.field] = Value::Null;
            refused(&owner, path, body, case.field).await;
        }
    }
}

#[tokio::test]
async fn lists_of_each_type_keep_their_items() {
    let (_app, owner) = start().await;
    let empty = base(|_| json!([]));

    for case in cases() {
        let given = Value::from(case.accepted.clone());
        let shown = stored(&owner, "/v1/lists", &empty, case.field, &given).await;
        let shown = shown.as_array().unwrap();
        assert_eq!(shown.len(), case.accepted.len(), "{}", case.field);

        for (shown, given) in shown.iter().zip(&case.accepted) {
            assert_same(case.field, shown, given);
        }

        for wrong in &case.refused {
            let mut body = empty.clone();
            body[case.field] = json!([case.accepted[0], wrong]);
            refused(&owner, "/v1/lists", body, case.field).await;
        }
    }
}

#[tokio::test]
async fn everything_else_is_refused_where_it_stands() {
    let (_app, owner) = start().await;
    let plain = base(Value::clone);

    for case in cases() {
        for value in &case.refused {
            for path in ["/v1/plain", "/v1/optional", "/v1/sealed"] {
                let mut body = plain.clone();
                body[case.field] = value.clone();
                refused(&owner, path, body, case.field).await;
            }
        }
    }
}

async fn refused(by: &Actor, path: &str, body: Value, field: &str) {
    let value = body[field].clone();
    let answer = by.post(path, body).await;
    let problem = answer.assert_problem(422, "invalid_input").problem();
    let pointer = format!("body/{field}");
    assert!(
        problem
            .errors
            .iter()
            .all(|error| error.starts_with(&pointer))
            && !problem.errors.is_empty(),
        "{path} {field} {value}: {:?}",
        problem.errors
    );
}

/// A number beyond 32 bits is JSON, and only the column knows its limits.
#[tokio::test]
async fn an_infinite_number_is_refused_by_the_column() {
    let (_app, owner) = start().await;
    for (path, value) in [
        ("/v1/plain", json!(1e39)),
        ("/v1/optional", json!(-1e39)),
        ("/v1/sealed", json!(1e39)),
    ] {
        let mut body = base(Value::clone);
        body["single"] = value;
        owner
            .post(path, body)
            .await
            .assert_problem(422, "invalid_input");
    }

    let mut lists = base(|_| json!([]));
    lists["single"] = json!([0.5, 1e39]);
    owner
        .post("/v1/lists", lists)
        .await
        .assert_problem(422, "invalid_input");
}

/// Postgres cannot store NUL in text; the platform refuses it in the whole body.
#[tokio::test]
async fn nul_is_refused_before_it_reaches_the_database() {
    let (_app, owner) = start().await;
    for (field, value) in [("text", json!("a\u{0}")), ("raw", json!({ "a\u{0}": 1 }))] {
        for path in ["/v1/plain", "/v1/sealed"] {
            let mut body = base(Value::clone);
            body[field] = value.clone();
            owner
                .post(path, body)
                .await
                .assert_problem(400, "malformed_request");
        }
    }
}

/// Strategies for the types with many values.
fn random_values() -> Vec<(&'static str, BoxedStrategy<Value>)> {
    let date =
        (1..=9999, 1..=12, 1..=28).prop_map(|(y, m, d)| json!(format!("{y:04}-{m:02}-{d:02}")));
    let hour = (0..24, 0..60, 0..60, 0..1_000_000)
        .prop_map(|(h, m, s, micros)| json!(format!("{h:02}:{m:02}:{s:02}.{micros:06}")));
    let amount = (any::<i64>(), 0..=18_usize).prop_map(|(digits, scale)| {
        let digits = format!("{:020}", digits.unsigned_abs());
        let (whole, fraction) = digits.split_at(20 - scale);
        let whole = whole.trim_start_matches('0');
        let point = if scale == 0 { "" } else { "." };
        json!(format!(
            "-{}{point}{fraction}",
            if whole.is_empty() { "0" } else { whole }
        ))
    });

    vec![
        ("small", any::<i16>().prop_map(Value::from).boxed()),
        ("large", any::<i64>().prop_map(Value::from).boxed()),
        (
            "single",
            proptest::num::f32::NORMAL.prop_map(Value::from).boxed(),
        ),
        (
            "double",
            proptest::num::f64::NORMAL.prop_map(Value::from).boxed(),
        ),
        ("amount", amount.boxed()),
        ("text", "[^\u{0}]{0,40}".prop_map(Value::from).boxed()),
        ("day", date.boxed()),
        ("hour", hour.boxed()),
        (
            "content",
            prop::collection::vec(any::<u8>(), 0..300)
                .prop_map(|it| STANDARD.encode(it).into())
                .boxed(),
        ),
    ]
}

#[tokio::test]
async fn random_values_come_back_equal() {
    let (_app, owner) = start().await;
    let plain = base(Value::clone);
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);

    for (field, strategy) in random_values() {
        for _ in 0..RANDOM {
            let value = strategy.new_tree(&mut runner).unwrap().current();
            for path in ["/v1/plain", "/v1/sealed"] {
                let shown = stored(&owner, path, &plain, field, &value).await;
                // A time of day is written without trailing zeros.
                let parsed = |value: &Value| {
                    value
                        .as_str()
                        .map(str::parse::<mainstay::kernel::TimeOfDay>)
                };
                if field == "hour" {
                    assert_eq!(parsed(&shown), parsed(&value));
                } else {
                    assert_same(field, &shown, &value);
                }
            }
        }
    }
}
