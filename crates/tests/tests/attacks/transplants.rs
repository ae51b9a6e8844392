//! An attacker with the schema owner's password moves ciphertext and keys between rows. Every moved
//! value is refused, and the response reveals nothing (OWASP ASVS 11.3.3, 16.5.1).

use mainstay_access::BuiltInRole;
use mainstay_database::Owner;
use mainstay_testing::{Actor, Client, TestApp};
use serde_json::{Value, json};

/// A service with two customers of one organization and one of another, and a connection as the
/// schema's owner.
struct Stage {
    app: TestApp,
    victim: Actor,
    owner: Owner,
}

const VICTIM: &str = "victim@example.org";
const NEIGHBOUR: &str = "neighbour@example.org";
const FOREIGNER: &str = "foreigner@example.org";

/// The id of the nth customer, in order of creation.
const NTH: &str = r"
    CREATE FUNCTION pg_temp.nth(n int)
    RETURNS uuid
    LANGUAGE sql
    AS $$
    SELECT id
    FROM customers
    ORDER BY id
    OFFSET n
    LIMIT 1
    $$
";

async fn stage() -> Stage {
    let app = TestApp::start(fixture::platform()).await;
    let victim = app.actor(BuiltInRole::Owner).await;
    let stranger = app.stranger(BuiltInRole::Owner).await;

    for (client, email) in [
        (&victim, VICTIM),
        (&victim, NEIGHBOUR),
        (&stranger, FOREIGNER),
    ] {
        let body = json!({ "full_name": format!("Secret of {email}"), "email": email, "notes": "Secret notes" });
        client.post("/v1/customers", body).await.assert_status(201);
    }

    let mut owner = app.owner().await;
    owner.run(NTH, []).await.expect("the function is created");

    Stage { app, victim, owner }
}

impl Stage {
    /// Runs a statement as the owner, then reads the victim's row through both replicas.
    async fn assert_refused_after(mut self, what: &str, statement: &'static str) {
        let before = self.fresh().await.get(&self.path().await).await;
        assert_eq!(before.status, 200, "{what}: {}", before.text());

        let changed = self.owner.run(statement, []).await;
        assert_ne!(
            changed.expect("the owner's statement runs").len(),
            0,
            "{what}: no row was changed"
        );

        let path = self.path().await;
        // The replica that created the rows has their keys in memory; a new one has not. Neither
        // may be fooled.
        for client in [(*self.victim).clone(), self.fresh().await] {
            for path in [
                &path,
                &format!("{path}/personal-data"),
                "/v1/customers",
                "/v1/customers?sort=name",
            ] {
                let answer = client.get(path).await;
                assert!(
                    !answer.text().contains("Secret"),
                    "{what}: {path}: {}",
                    answer.text()
                );
                answer.assert_problem(500, "internal_error");

                let problem: Value = answer.json();
                let body = format!("{problem}").to_lowercase();
                for inner in ["seal", "key", "decrypt", "column", "customers"] {
                    assert!(!body.contains(inner), "{what}: {path}: {body}");
                }
            }
        }
    }

    /// Starts a second replica on the same database.
    async fn fresh(&self) -> Client {
        // The replica keeps running as long as the test's runtime.
        let replica = Box::leak(Box::new(self.app.second_replica().await));
        replica.client_of(&self.victim)
    }

    async fn path(&mut self) -> String {
        let rows = self
            .owner
            .run("SELECT pg_temp.nth(0)::text", [])
            .await
            .expect("the row exists");
        format!(
            "/v1/customers/{}",
            rows[0].get::<String>(0).expect("the column is text")
        )
    }
}

#[tokio::test]
async fn a_value_of_another_row_is_refused() {
    let statement = r"
        UPDATE customers c
        SET full_name = o.full_name
        FROM customers o
        WHERE c.id = pg_temp.nth(0) AND o.id = pg_temp.nth(1)
        RETURNING c.id
    ";
    stage()
        .await
        .assert_refused_after("a neighbour's name", statement)
        .await;
}

#[tokio::test]
async fn a_value_of_another_column_is_refused() {
    let statement = r"
        UPDATE customers
        SET full_name = notes
        WHERE id = pg_temp.nth(0)
        RETURNING id
    ";
    stage()
        .await
        .assert_refused_after("notes in place of a name", statement)
        .await;
}

#[tokio::test]
async fn a_value_of_another_organization_is_refused_even_with_its_key() {
    let statement = r"
        UPDATE customers c
        SET full_name = o.full_name, email = o.email, notes = o.notes, data_key = o.data_key
        FROM customers o
        WHERE c.id = pg_temp.nth(0) AND o.id = pg_temp.nth(2)
        RETURNING c.id
    ";
    stage()
        .await
        .assert_refused_after("a foreigner's values and key", statement)
        .await;
}

#[tokio::test]
async fn values_moved_with_their_key_are_refused() {
    let statement = r"
        UPDATE customers c
        SET full_name = o.full_name, email = o.email, notes = o.notes, data_key = o.data_key
        FROM customers o
        WHERE c.id = pg_temp.nth(0) AND o.id = pg_temp.nth(1)
        RETURNING c.id
    ";
    stage()
        .await
        .assert_refused_after("a neighbour's values and key", statement)
        .await;
}

#[tokio::test]
async fn a_value_that_was_altered_is_refused() {
    let statement = r"
        UPDATE customers
        SET full_name = set_byte(full_name, 30, get_byte(full_name, 30) # 1)
        WHERE id = pg_temp.nth(0)
        RETURNING id
    ";
    stage()
        .await
        .assert_refused_after("one bit", statement)
        .await;
}

/// Two wrapped keys are swapped: a replica that has them in memory can still read, a new one
/// cannot.
#[tokio::test]
async fn swapped_wrapped_keys_are_refused() {
    let mut stage = stage().await;
    let path = stage.path().await;
    stage.fresh().await.get(&path).await.assert_status(200);

    let swap = r"
        UPDATE data_keys k
        SET wrapped = o.wrapped
        FROM data_keys o, customers c, customers d
        WHERE c.id = pg_temp.nth(0)
          AND d.id = pg_temp.nth(1)
          AND (
              (k.id = c.data_key AND o.id = d.data_key)
              OR (k.id = d.data_key AND o.id = c.data_key)
          )
        RETURNING k.id
    ";
    assert_eq!(
        stage
            .owner
            .run(swap, [])
            .await
            .expect("the owner's statement runs")
            .len(),
        2
    );

    let answer = stage.fresh().await.get(&path).await;
    answer.assert_problem(500, "internal_error");
    assert!(!answer.text().contains("Secret"), "{}", answer.text());
}

/// A blind index is only a hint: a match is verified against the opened value.
#[tokio::test]
async fn a_moved_blind_index_finds_no_one() {
    let mut stage = stage().await;
    let forge = r"
        UPDATE customers c
        SET email_index = o.email_index
        FROM customers o
        WHERE c.id = pg_temp.nth(1) AND o.id = pg_temp.nth(0)
        RETURNING c.id
    ";

    assert_eq!(
        stage
            .owner
            .run(forge, [])
            .await
            .expect("the owner's statement runs")
            .len(),
        1
    );

    let found = stage
        .victim
        .post("/v1/customers/search", json!({ "email": VICTIM }))
        .await
        .json();

    let ids: Vec<_> = found["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| item["id"].clone())
        .collect();

    let victim = stage.path().await.rsplit('/').next().map(str::to_owned);
    assert_eq!(ids, [json!(victim)], "{found}");
}
