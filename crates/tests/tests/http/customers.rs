//! `/v1/customers`, `/v1/customers/{id}`, `/v1/customers/search`.

use mainstay::access::BuiltInRole::{Agent, Auditor, Manager, Owner};
use serde_json::json;

use crate::{create, customer, start};

#[tokio::test]
async fn a_customer_is_created_and_shown_masked() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let body = json!({
        "full_name": "Ada Lovelace", "email": "Ada@Example.org", "phone": "+44 20 7946 0958",
        "date_of_birth": "1815-12-10".replace("1815", "1915"), "national_id": "GB1234567",
        "postal_address": "12 St James's Square\nLondon", "notes": "Prefers letters.", "tags": ["vip"],
    });

    let answer = agent.post("/v1/customers", body).await;
    let made = answer.assert_status(201).json();
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(made["full_name"], "A. L.");
    assert_eq!(made["email"], "A***@Example.org");
    assert_eq!(made["phone"], "•••58");
    assert_eq!(made["national_id"], "•••67");

    for hidden in ["date_of_birth", "postal_address", "notes"] {
        assert_eq!(made[hidden], "•••", "{hidden}");
    }

    assert_eq!(
        (&made["status"], &made["tags"], &made["version"]),
        (&json!("active"), &json!(["vip"]), &json!(1))
    );

    let found = agent.get(&answer.location()).await;
    assert_eq!(found.assert_status(200).json(), made);
    assert_eq!(found.header("etag"), "\"1\"");
}

#[tokio::test]
async fn every_broken_rule_is_reported_and_nothing_is_written() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let before = app.contents().await;
    let body = json!({
        "full_name": "", "email": "invalid", "phone": "1", "national_id": "1", "notes": "bell \u{7}",
        "tags": ["", "x".repeat(51)],
    });

    let refused = agent.post("/v1/customers", body).await;
    let mut errors = refused
        .assert_problem(422, "invalid_input")
        .problem()
        .errors;
    errors.sort();

    let expected = [
        "email",
        "full_name",
        "national_id",
        "notes",
        "phone",
        "tags/0",
        "tags/1",
    ];

    assert_eq!(errors, expected.map(|field| format!("body/{field}")));
    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
}

#[tokio::test]
async fn limits_are_counted_in_characters() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    agent
        .post("/v1/customers", customer(&"ü".repeat(200), "a@b"))
        .await
        .assert_status(201);
    agent
        .post("/v1/customers", customer(&"ü".repeat(201), "a@b"))
        .await
        .assert_problem(422, "invalid_input");
}

/// OWASP ASVS 1.2.3, 1.2.4: code in a value is stored as text.
#[tokio::test]
async fn hostile_strings_are_stored_unchanged() {
    let app = start().await;
    let owner = app.actor(Owner).await;

    for naughty in [
        "'; DROP TABLE customers; --",
        "\\x41\\u0041 %00 $1 {{7*7}} ${jndi:ldap://x}",
        "<script>alert(1)</script>",
        "👩‍👩‍👧‍👦 ﷽ Ω≈ç√",
        "=1+1 \"quoted\" back\\slash",
    ] {
        // Notes allow more than a name: line breaks, tabs, marks for text direction.
        let notes = format!("\u{202e}{naughty}\u{202c}\n\t{naughty}");
        let body = json!({ "full_name": naughty, "email": "n@example.org", "tags": [naughty], "notes": notes });
        let path = create(&owner, body).await;
        let revealed = owner
            .get(&format!("{path}/personal-data"))
            .await
            .assert_status(200)
            .json();

        assert_eq!(
            (&revealed["full_name"], &revealed["notes"]),
            (&json!(naughty), &json!(notes))
        );
        assert_eq!(owner.get(&path).await.json()["tags"], json!([naughty]));
    }
}

/// OWASP ASVS 8.2.2, 8.4.1: another organization's row does not exist for any operation.
#[tokio::test]
async fn another_organizations_customer_is_not_found() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let stranger = app.stranger(Owner).await;
    let path = create(&owner, customer("Ada Lovelace", "ada@example.org")).await;
    let before = app.contents().await;

    stranger.get(&path).await.assert_problem(404, "not_found");
    stranger
        .get(&format!("{path}/personal-data"))
        .await
        .assert_problem(404, "not_found");
    stranger
        .patch(&path, json!({ "status": "blocked" }))
        .await
        .assert_problem(404, "not_found");
    stranger
        .patch(&path, json!({ "full_name": "Eve" }))
        .await
        .assert_problem(404, "not_found");
    stranger
        .delete(&path)
        .await
        .assert_problem(404, "not_found");
    assert_eq!(
        stranger
            .get("/v1/customers")
            .await
            .assert_status(200)
            .json()["items"],
        json!([])
    );
    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );

    // A search finds no one either, and is recorded and counted.
    let search = stranger
        .post(
            "/v1/customers/search",
            json!({ "email": "ada@example.org" }),
        )
        .await;

    assert_eq!(search.assert_status(200).json()["items"], json!([]));
    assert_eq!(
        app.contents().await.changed_since(&before),
        ["mainstay.audit_events", "mainstay.sealed_comparisons"]
    );
}

#[tokio::test]
async fn a_customer_is_found_by_the_whole_address_in_any_case() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    create(&agent, customer("Ada Lovelace", "Ada@Example.org")).await;
    create(&agent, customer("Ada's brother", "ada2@example.org")).await;

    let search = async |email: &str| {
        let found = agent
            .post("/v1/customers/search", json!({ "email": email }))
            .await;
        let items = found.assert_status(200).json()["items"].clone();
        items
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["full_name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };

    assert_eq!(search("ADA@example.ORG").await, ["A. L."]);
    assert_eq!(search("ada@example").await, Vec::<String>::new());
    assert_eq!(search("unknown@example.org").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_customer_is_found_by_telephone_and_national_id_in_any_spelling() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let mut ada = customer("Ada Lovelace", "ada@example.org");

    ada["phone"] = json!("+49 (0)30 123-4567");
    ada["national_id"] = json!("c01x 0006h");
    create(&agent, ada).await;
    create(&agent, customer("Unknown", "unknown@example.org")).await;

    let search = async |body: serde_json::Value| {
        let found = agent
            .post("/v1/customers/search", body)
            .await
            .assert_status(200)
            .json();
        found["items"].as_array().unwrap().len()
    };

    assert_eq!(search(json!({ "phone": "0049 30 1234567" })).await, 1);
    assert_eq!(search(json!({ "phone": "030 1234567" })).await, 0);
    assert_eq!(search(json!({ "national_id": "C01X0006H" })).await, 1);
    assert_eq!(
        search(json!({ "phone": "+49301234567", "email": "ada@example.org" })).await,
        1
    );
    assert_eq!(
        search(json!({ "phone": "+49301234567", "email": "unknown@example.org" })).await,
        0,
        "both must match"
    );
    agent
        .post("/v1/customers/search", json!({}))
        .await
        .assert_problem(422, "invalid_input");
    agent
        .post("/v1/customers/search", json!({ "phone": null }))
        .await
        .assert_problem(422, "invalid_input");
}

#[tokio::test]
async fn a_changed_address_is_found_and_the_old_one_is_not() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let path = create(&agent, customer("Ada Lovelace", "old@example.org")).await;

    agent
        .patch(&path, json!({ "email": "new@example.org" }))
        .await
        .assert_status(200);

    for (email, count) in [("old@example.org", 0), ("new@example.org", 1)] {
        let found = agent
            .post("/v1/customers/search", json!({ "email": email }))
            .await
            .json();
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{email}");
    }
}

#[tokio::test]
async fn deleting_a_customer_deletes_its_key() {
    let app = start().await;
    let manager = app.actor(Manager).await;
    let path = create(&manager, customer("Ada Lovelace", "ada@example.org")).await;
    let count = async |text: &'static str| {
        app.owner().await.run(text, []).await.unwrap()[0]
            .get::<i64>(0)
            .unwrap()
    };

    let keys = count("SELECT count(*) FROM data_keys").await;
    manager
        .request(mainstay::http::Method::DELETE, &path)
        .header("if-match", "\"7\"")
        .send()
        .await
        .assert_problem(412, "stale_version");
    manager.delete(&path).await.assert_status(204);
    manager.get(&path).await.assert_problem(404, "not_found");
    manager.delete(&path).await.assert_problem(404, "not_found");
    assert_eq!(count("SELECT count(*) FROM customers").await, 0);
    assert_eq!(count("SELECT count(*) FROM data_keys").await, keys - 1);
}

#[tokio::test]
async fn a_missing_permission_is_refused_and_recorded() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let auditor = app.actor(Auditor).await;
    let refused = auditor
        .post("/v1/customers", customer("Ada", "ada@example.org"))
        .await;

    refused.assert_problem(403, "forbidden");

    let events = owner
        .get("/v1/audit/events?action=authz_fail")
        .await
        .assert_status(200)
        .json();

    assert_eq!(events["items"][0]["operation"], "create_customer");
    assert_eq!(events["items"][0]["actor_id"], json!(auditor.user()));
}

#[tokio::test]
async fn an_invalid_id_is_reported() {
    let app = start().await;
    let agent = app.actor(Agent).await;

    for wrong in [
        "1",
        "not-a-uuid",
        "0198c5d27d4b7c30a5b6d0d1c2b3a495",
        "%2527",
    ] {
        let refused = agent.get(&format!("/v1/customers/{wrong}")).await;
        assert_eq!(
            refused
                .assert_problem(422, "invalid_input")
                .problem()
                .errors,
            ["path/id"]
        );
    }

    agent
        .get("/v1/customers/0198c5d2-7d4b-7c30-a5b6-d0d1c2b3a495")
        .await
        .assert_problem(404, "not_found");
}
