//! `GET /v1/customers/{id}/export`, `GET /v1/me/export`.

use std::collections::BTreeSet;

use mainstay::{
    access::BuiltInRole::{Agent, Auditor, Owner},
    prelude::Uuid,
};
use mainstay_http::Method;
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

use crate::{
    create, customer,
    oauth_support::{authorize, register, request},
    remarks, start,
};

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

fn ada() -> Value {
    json!({
        "full_name": "Ada Lovelace", "email": "Ada@Example.org", "phone": "+44 20 7946 0958",
        "date_of_birth": "1975-12-10", "national_id": "GB1234567", "postal_address": "12 St James's Square\nLondon",
        "notes": "Prefers letters.", "tags": ["vip"],
    })
}

async fn export(by: &Actor, path: &str) -> Value {
    by.get(&format!("{path}/export"))
        .await
        .assert_status(200)
        .json()
}

/// The field of that name in a row of that table.
fn field<'a>(export: &'a Value, table: &str, name: &str) -> Option<&'a Value> {
    let rows = export["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["table"] == table);
    rows.flat_map(|row| row["fields"].as_array().unwrap())
        .find(|field| field["name"] == name)
}

#[tokio::test]
async fn an_export_contains_everything_in_clear() {
    let app = remarks::start(|app| app).await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, ada()).await;
    let other = create(&owner, customer("Somebody Else", "else@example.org")).await;

    for (about, text) in [(&path, "Late again"), (&other, "On time")] {
        let body = json!({ "customer_id": id(about), "text": text, "seen_at": "Old Harbour" });
        owner.post("/v1/remarks", body).await.assert_status(201);
    }

    let order = r"
            INSERT INTO purchases
            SELECT gen_random_uuid(), organization_id, id, 4711
            FROM customers
        ";
    app.owner().await.run(order, []).await.unwrap();

    let export = export(&owner, &path).await;
    assert_eq!(export["format"], "mainstay.personal-data/1");
    assert_eq!(export["next_cursor"], Value::Null);

    for (name, value) in ada().as_object().unwrap() {
        let found =
            field(&export, "customers", name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(&found["value"], value, "{name}");
        let shown = if name == "tags" {
            "as_stored"
        } else {
            "opened"
        };
        assert_eq!(found["shown"], shown, "{name}");
    }

    let row = &export["rows"][0];
    assert_eq!(row["purpose"], "The people whom an organization serves.");
    assert_eq!(
        field(&export, "customers", "status").unwrap()["class"],
        "internal"
    );
    assert_eq!(
        field(&export, "customers", "status").unwrap()["description"],
        "where the relation stands"
    );
    assert_eq!(
        field(&export, "remarks", "text").unwrap()["value"],
        "Late again"
    );
    assert_eq!(field(&export, "purchases", "total").unwrap()["value"], 4711);

    let text = export.to_string();
    assert!(
        !text.contains("On time") && !text.contains("Somebody") && !text.contains("\\\\x"),
        "{text}"
    );
}

/// A new classified column is exported without code; an unclassified one fails this test.
#[tokio::test]
async fn every_personal_column_is_exported_and_no_secret_one() {
    let app = remarks::start(|app| app).await;
    let mut schema = app.owner().await;
    for statement in [
        "ALTER TABLE customers ADD COLUMN shoe_size text DEFAULT 'forty-two', ADD COLUMN pin text DEFAULT 'hush-hush'",
        "COMMENT ON COLUMN customers.shoe_size IS 'personal: in clear, for this test'",
        "COMMENT ON COLUMN customers.pin IS 'secret: for this test'",
    ] {
        schema.run(statement, []).await.unwrap();
    }

    let owner = app.actor(Owner).await;
    let path = create(&owner, ada()).await;
    owner
        .post(
            "/v1/remarks",
            json!({ "customer_id": id(&path), "text": "Late again" }),
        )
        .await
        .assert_status(201);

    let export = export(&owner, &path).await;

    let personal = r"
        SELECT c.relname::text, a.attname::text, col_description(c.oid, a.attnum)
        FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relname IN ('customers', 'remarks')
          AND a.attnum > 0
          AND NOT a.attisdropped
    ";
    let mut count = 0;
    for row in schema.run(personal, []).await.unwrap() {
        let (table, name): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        let comment = row.get::<Option<String>>(2).unwrap().unwrap_or_default();
        let found = field(&export, &table, &name);
        if comment.starts_with("secret: ") {
            assert!(found.is_none(), "{table}.{name} is a secret");
        } else {
            let found = found.unwrap_or_else(|| panic!("{table}.{name} is missing"));
            let index = comment.contains("blind index");
            assert_eq!(found["shown"] == "withheld", index, "{found}");
            count += i32::from(comment.starts_with("personal: "));
        }
    }

    assert!(count > 9, "found only {count} personal columns");
    assert_eq!(
        field(&export, "customers", "shoe_size").unwrap()["value"],
        "forty-two"
    );

    let text = export.to_string();
    assert!(!text.contains("hush-hush"), "{text}");
}

#[tokio::test]
async fn the_history_has_actors_actions_and_values() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let path = create(&agent, customer("Ada Byron", "ada@example.org")).await;
    agent
        .patch(
            &path,
            json!({ "full_name": "Ada Lovelace", "status": "inactive" }),
        )
        .await
        .assert_status(200);

    owner
        .get(&format!("{path}/personal-data"))
        .await
        .assert_status(200);

    let export = export(&owner, &path).await;
    let history = export["history"].as_array().unwrap();
    let actions: Vec<_> = history
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();

    assert_eq!(
        actions,
        ["customer.created", "customer.updated", "customer.revealed"]
    );
    assert_eq!(history[1]["actor_id"], json!(agent.user()));
    assert_eq!(history[2]["actor_id"], json!(owner.user()));

    let changes = history[1]["changes"].as_array().unwrap();
    let name = json!({ "field": "full_name", "before": "Ada Byron", "after": "Ada Lovelace", "shown": "opened" });
    let status =
        json!({ "field": "status", "before": "active", "after": "inactive", "shown": "as_stored" });

    assert_eq!(changes, &[name, status]);
    // The addresses of other people are not exported.
    assert!(!export.to_string().contains("127.0.0.1"), "{export}");
}

#[tokio::test]
async fn an_export_is_recorded_as_a_disclosure() {
    let app = start().await;
    let (owner, agent, auditor) = (
        app.actor(Owner).await,
        app.actor(Agent).await,
        app.actor(Auditor).await,
    );

    let stranger = app.stranger(Owner).await;
    let path = create(&agent, customer("Canary Bird", "ada@example.org")).await;
    for refused in [&agent, &auditor] {
        refused
            .get(&format!("{path}/export"))
            .await
            .assert_problem(403, "forbidden");
    }
    stranger
        .get(&format!("{path}/export"))
        .await
        .assert_problem(404, "not_found");

    export(&owner, &path).await;
    let log = format!(
        "/v1/audit/events?action=customer.exported&resource_id={}",
        id(&path)
    );
    let events = auditor.get(&log).await.json();

    assert_eq!(events["items"].as_array().unwrap().len(), 1);
    assert_eq!(events["items"][0]["actor_id"], json!(owner.user()));

    app.owner()
        .await
        .run(
            "REVOKE INSERT ON mainstay.audit_events FROM mainstay_server",
            [],
        )
        .await
        .unwrap();

    let refused = owner.get(&format!("{path}/export")).await;
    refused.assert_problem(500, "internal_error");
    assert!(!refused.text().contains("Canary"));
}

#[tokio::test]
async fn a_long_export_comes_in_complete_pages() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let customer = Uuid::try_parse(id(&path)).unwrap();
    let many = r"
        INSERT INTO audit_events (
            id, occurred_at, organization_id, action, operation, resource, resource_id, request_id
        )
        SELECT (
            lpad(
                to_hex((extract(epoch FROM now()) * 1000)::bigint), 12, '0'
            ) || right(replace(gen_random_uuid()::text, '-', ''), 20)
        )::uuid, now(), c.organization_id, 'customer.revealed', 'test', 'customer', c.id,
            gen_random_uuid()
        FROM customers c, generate_series(1, 1234)
        WHERE c.id = $1
    ";

    let mut schema = app.owner().await;
    schema.run(many, [customer.into()]).await.unwrap();

    let count = schema
        .run(
            "SELECT count(*) FROM audit_events WHERE resource_id = $1",
            [customer.into()],
        )
        .await
        .unwrap();

    let expected = usize::try_from(count[0].get::<i64>(0).unwrap()).unwrap();

    let (mut events, mut rows, mut pages, mut cursor) = (BTreeSet::new(), 0, 0, String::new());
    loop {
        let page = owner
            .get(&format!("{path}/export{cursor}"))
            .await
            .assert_status(200)
            .json();

        let history = page["history"].as_array().unwrap();
        assert!(history.len() <= 500);

        // The export's own records appear by their time, and are not counted.
        let others = history
            .iter()
            .filter(|event| event["action"] != "customer.exported");
        for event in others {
            assert!(
                events.insert(event["event"].as_str().unwrap().to_owned()),
                "{event} occurs twice"
            );
        }

        rows += page["rows"].as_array().unwrap().len();
        pages += 1;

        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("?cursor={next}"),
            None => break,
        }
    }

    assert_eq!((events.len(), rows, pages), (expected, 1, 3));

    // A cursor works for its own export only.
    let other = create(&owner, customer_body()).await;
    owner
        .get(&format!("{other}/export{cursor}"))
        .await
        .assert_problem(422, "invalid_input");
}

fn customer_body() -> Value {
    customer("Bea", "bea@example.org")
}

/// Where the key of an earlier value was deleted, the export marks the field instead of omitting
/// it.
#[tokio::test]
async fn a_value_whose_key_was_deleted_is_marked() {
    let app = remarks::start(|app| app).await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let forget = r"
        UPDATE data_keys
        SET id = id - 1
        WHERE subject_id = $1
        RETURNING id
    ";
    let customer = Uuid::try_parse(id(&path)).unwrap();

    app.owner()
        .await
        .run(forget, [customer.into()])
        .await
        .unwrap();

    // Without its key the row itself is not found.
    owner
        .request(Method::GET, &format!("{path}/export"))
        .send()
        .await
        .assert_status(200);

    let export = export(&owner, &path).await;
    let name = field(&export, "customers", "full_name").unwrap();
    assert_eq!(
        (&name["value"], &name["shown"]),
        (&Value::Null, &json!("destroyed"))
    );

    let created = export["history"][0]["changes"].as_array().unwrap();
    let name = created
        .iter()
        .find(|change| change["field"] == "full_name")
        .unwrap();

    assert_eq!(name["shown"], "destroyed");

    drop::<TestApp>(app);
}

#[tokio::test]
async fn an_account_export_contains_everything_except_secrets() {
    let app = start().await;
    let (agent, other, auditor) = (
        app.actor(Agent).await,
        app.actor(Agent).await,
        app.actor(Auditor).await,
    );

    agent
        .put("/v1/me/email", json!({ "email": "new@example.org" }))
        .await
        .assert_status(202);

    let export = agent.get("/v1/me/export").await.assert_status(200).json();
    let exported =
        |table: &str, name: &str| field(&export, table, name).map(|field| field["value"].clone());

    assert_eq!(
        exported("mainstay.users", "email"),
        Some(json!(agent.email()))
    );
    assert_eq!(exported("mainstay.users", "email_index"), Some(Value::Null));
    assert_eq!(
        exported("mainstay.email_changes", "email"),
        Some(json!("new@example.org"))
    );
    assert_eq!(
        exported("mainstay.sessions", "address"),
        Some(json!("127.0.0.1"))
    );
    assert_eq!(
        exported("mainstay.memberships", "organization_id"),
        Some(json!(agent.organization()))
    );
    assert_eq!(exported("mainstay.users", "password_hash"), None);

    let text = export.to_string();
    assert!(
        !text.contains("argon2id") && !text.contains(other.email()) && !text.contains("\\\\x"),
        "{text}"
    );

    let history: Vec<_> = export["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].clone())
        .collect();

    assert!(history.contains(&json!("user_created")), "{history:?}");

    // The export is recorded.
    let log = format!(
        "/v1/audit/events?action=user_exported&resource_id={}",
        agent.user()
    );
    assert_eq!(
        auditor.get(&log).await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    app.anonymous()
        .get("/v1/me/export")
        .await
        .assert_problem(401, "unauthenticated");
}

/// Modules declare the sealed tables of accounts, so a new table is exported too.
#[tokio::test]
async fn every_sealed_table_of_accounts_is_exported() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    agent
        .put("/v1/me/email", json!({ "email": "new@example.org" }))
        .await
        .assert_status(202);
    agent
        .request(Method::POST, "/v1/me/totp")
        .send()
        .await
        .assert_status(201);

    register(&app, "shop").await;
    authorize(&agent, request("shop")).await;

    let export = agent.get("/v1/me/export").await.assert_status(200).json();

    for table in [
        "mainstay.users",
        "mainstay.email_changes",
        "mainstay.totps",
        "mainstay.sessions",
        "mainstay.memberships",
        "mainstay.oauth_grants",
    ] {
        assert!(
            export["rows"]
                .as_array()
                .unwrap()
                .iter()
                .any(|row| row["table"] == table),
            "{table} is missing"
        );
    }

    // The secret of an authenticator app is a secret.
    assert!(
        field(&export, "mainstay.totps", "secret").is_none()
            && field(&export, "mainstay.totps", "pending").is_none()
    );
}
