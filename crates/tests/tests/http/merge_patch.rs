//! `PATCH /v1/customers/{id}`: a merge patch (RFC 7396), guarded by `If-Match` (RFC 9110 §13.1.1).

use std::collections::BTreeMap;

use mainstay::{access::BuiltInRole::Owner, http::Method};
use mainstay_testing::{Actor, Answer};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Value, json};

use crate::{create, customer, start};

async fn patch_if(by: &Actor, path: &str, tag: &str, body: Value) -> Answer {
    by.request(Method::PATCH, path)
        .header("if-match", tag)
        .json(&body)
        .send()
        .await
}

#[tokio::test]
async fn absent_fields_stay_present_ones_are_set_and_null_removes() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let body = json!({ "full_name": "Ada Lovelace", "email": "ada@example.org", "phone": "+44 1234567", "notes": "x" });
    let path = create(&owner, body).await;
    let patched = owner
        .patch(
            &path,
            json!({ "full_name": "Ada King", "phone": null, "status": "blocked" }),
        )
        .await;

    let view = patched.assert_status(200).json();
    assert_eq!(patched.header("etag"), "\"2\"");
    assert_eq!(
        (&view["status"], &view["phone"], &view["notes"]),
        (&json!("blocked"), &Value::Null, &json!("•••"))
    );

    let revealed = owner.get(&format!("{path}/personal-data")).await.json();
    assert_eq!(revealed["full_name"], "Ada King");
    assert_eq!(revealed["email"], "ada@example.org");
    assert_eq!(revealed["phone"], Value::Null);
}

#[tokio::test]
async fn required_fields_cannot_be_removed() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    for field in ["full_name", "email", "status", "tags"] {
        let refused = owner.patch(&path, json!({ field: null })).await;
        assert_eq!(
            refused
                .assert_problem(422, "invalid_input")
                .problem()
                .errors,
            [format!("body/{field}")]
        );
    }

    for unknown in ["id", "organization_id", "version", "created_at", "data_key"] {
        owner
            .patch(&path, json!({ unknown: "x" }))
            .await
            .assert_problem(422, "invalid_input");
    }
    assert_eq!(owner.get(&path).await.json()["version"], 1);
}

#[tokio::test]
async fn an_empty_patch_changes_nothing() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let before = app.contents().await;

    assert_eq!(
        owner
            .patch(&path, json!({}))
            .await
            .assert_status(200)
            .json()["version"],
        1
    );
    patch_if(&owner, &path, "\"2\"", json!({}))
        .await
        .assert_problem(412, "stale_version");
    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn a_change_to_a_stale_version_is_refused() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;

    patch_if(&owner, &path, "\"1\"", json!({ "status": "lead" }))
        .await
        .assert_status(200);
    patch_if(&owner, &path, "\"1\"", json!({ "status": "blocked" }))
        .await
        .assert_problem(412, "stale_version");
    patch_if(&owner, &path, "*", json!({ "status": "inactive" }))
        .await
        .assert_status(200);
    patch_if(&owner, &path, "W/\"3\"", json!({ "status": "lead" }))
        .await
        .assert_problem(412, "stale_version");
    assert_eq!(owner.get(&path).await.json()["status"], "inactive");
}

/// OWASP ASVS 2.3.4: of many concurrent changes to one version, one succeeds.
#[tokio::test]
async fn concurrent_changes_to_one_version_succeed_once() {
    const AT_ONCE: usize = 40;

    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let patches = (0..AT_ONCE).map(|n| {
        patch_if(
            &owner,
            &path,
            "\"1\"",
            json!({ "full_name": format!("Ada {n}") }),
        )
    });

    let answers = futures_util::future::join_all(patches).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let lost = answers.iter().filter(|answer| answer.status == 412).count();

    assert_eq!((won, lost), (1, AT_ONCE - 1));
    assert_eq!(owner.get(&path).await.json()["version"], 2);
}

#[tokio::test]
async fn concurrent_changes_to_any_version_all_succeed() {
    const AT_ONCE: i64 = 20;

    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let patches = (0..AT_ONCE).map(|n| owner.patch(&path, json!({ "notes": format!("note {n}") })));

    for answer in futures_util::future::join_all(patches).await {
        answer.assert_status(200);
    }
    assert_eq!(owner.get(&path).await.json()["version"], 1 + AT_ONCE);

    let events = owner
        .get("/v1/audit/events?action=customer.updated")
        .await
        .json();
    assert_eq!(events["items"].as_array().unwrap().len() as i64, AT_ONCE);
}

/// After any sequence of patches, the row is as RFC 7396 specifies.
#[tokio::test]
async fn any_sequence_of_patches_is_merged_as_the_rfc_specifies() {
    let app = start().await;
    let owner = app.actor(Owner).await;

    let text = || {
        prop_oneof![
            Just(Value::Null),
            "[a-z][a-z ]{3,18}[a-z]".prop_map(Value::from)
        ]
    };

    let patch = (
        proptest::option::of(text()),
        proptest::option::of(text()),
        proptest::option::of("[A-Z][a-z]{1,9}"),
    );

    let sequences = proptest::collection::vec(patch, 1..5);
    let mut runner = TestRunner::deterministic();
    for _ in 0..12 {
        let sequence = sequences.new_tree(&mut runner).unwrap().current();
        let path = create(&owner, customer("Ada", "ada@example.org")).await;
        let mut expected = BTreeMap::from([
            ("full_name", json!("Ada")),
            ("phone", Value::Null),
            ("notes", Value::Null),
        ]);

        for (phone, notes, name) in sequence {
            let named = [
                ("phone", phone),
                ("notes", notes),
                ("full_name", name.map(Value::from)),
            ];
            let named: BTreeMap<_, _> = named
                .into_iter()
                .filter_map(|(field, value)| Some((field, value?)))
                .collect();
            owner.patch(&path, json!(named)).await.assert_status(200);
            expected.extend(named);
        }

        let revealed = owner.get(&format!("{path}/personal-data")).await.json();
        for (field, value) in expected {
            assert_eq!(revealed[field], value, "{field}");
        }
    }
}
