//! A thief has the live database, yesterday's dump, and the key ring. They read nothing about an
//! erased person, unless the dump also contains the wrapped keys.

use std::collections::{BTreeMap, BTreeSet};

use mainstay::{
    crypto::{Cell, DataKey, KeyRing},
    database::{DatabaseUrl, Scope, SealedTable},
    kernel::{SecretString, Uuid},
};
use mainstay_access::BuiltInRole::{Agent, Owner};
use mainstay_database::Owner as SchemaOwner;
use mainstay_http::Method;
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

use crate::{
    databases::Beside,
    dumps::{dump, restore},
};

/// Every row of every table, as JSON.
const DEFINE: &str = r"
    CREATE FUNCTION pg_temp.everything()
    RETURNS TABLE (name text, content jsonb)
    LANGUAGE plpgsql
    AS $$
    BEGIN
        FOR name IN
            SELECT replace(c.relnamespace::regnamespace || '.' || c.relname, 'public.', '')
            FROM pg_class c
            WHERE c.relnamespace IN ('public'::regnamespace, 'mainstay'::regnamespace)
                AND c.relkind IN ('r', 'p')
                AND NOT c.relispartition
        LOOP
            RETURN QUERY EXECUTE format('SELECT %L, to_jsonb(t) FROM %s t', name, name);
        END LOOP;
    END $$
";

/// A thief with the key ring, who opens each cell with the key that it names.
struct Thief<'a> {
    ring: &'a KeyRing,
    tables: Vec<SealedTable>,
}

impl Thief<'_> {
    /// Returns everything that opens.
    async fn reads(&self, url: &SecretString) -> BTreeSet<String> {
        let mut owner = connect(url).await;
        owner
            .run(DEFINE, [])
            .await
            .expect("the function is created");

        let rows = owner
            .run("SELECT * FROM pg_temp.everything()", [])
            .await
            .expect("every table is read");
        let rows: Vec<(String, Value)> = rows
            .iter()
            .map(|row| {
                (
                    row.get(0).expect("the name is present"),
                    row.get(1).expect("the column is JSON"),
                )
            })
            .collect();

        owner.close().await;
        let keys: BTreeMap<i64, DataKey> = rows
            .iter()
            .filter(|(table, _)| table == "mainstay.data_keys")
            .map(|(_, row)| self.unwrapped(row))
            .collect();

        let mut read = BTreeSet::new();
        for (name, row) in &rows {
            if name == "mainstay.audit_events" {
                let table = self
                    .tables
                    .iter()
                    .find(|table| table.resource == row["resource"]);

                for side in ["before", "after"] {
                    let Some(table) = table.filter(|_| row[side].is_object()) else {
                        continue;
                    };
                    let mut kept = row[side].clone();
                    kept["organization_id"] = row["organization_id"].clone();
                    kept["id"] = row["resource_id"].clone();
                    read.extend(Self::opened(table, &kept, &keys));
                }
            } else if let Some(table) = self.tables.iter().find(|table| table.table == name) {
                read.extend(Self::opened(table, row, &keys));
            }
        }

        read
    }

    fn unwrapped(&self, row: &Value) -> (i64, DataKey) {
        let id = row["id"].as_i64().expect("the column is a number");
        let wrapped = bytes(&row["wrapped"]).expect("the column is bytes");
        let key = self.ring.unwrap(
            id,
            uuid(&row["organization_id"]),
            uuid(&row["subject_id"]),
            &wrapped,
        );
        (id, key.expect("the ring unwraps the key"))
    }

    fn opened(table: &SealedTable, row: &Value, keys: &BTreeMap<i64, DataKey>) -> Vec<String> {
        let organization = match table.scope {
            Scope::Organization => uuid(&row["organization_id"]),
            Scope::Person => uuid(&row["user_id"]),
            Scope::Platform | Scope::Nowhere => Uuid::nil(),
        };

        let open = |column: &mainstay::database::SealedColumn| {
            let sealed = bytes(&row[column.column])?;
            let (table, name) = column.bound_to;
            let cell = Cell {
                organization,
                table,
                column: name,
                row: uuid(&row[row_id(row)]),
            };

            // The row's key first, then every other one: trying costs a thief nothing.
            let named = DataKey::named_in(&sealed).ok().and_then(|id| keys.get(&id));
            let plain = named
                .into_iter()
                .chain(keys.values())
                .find_map(|key| key.open(&cell, &sealed).ok())?;

            Some(String::from_utf8_lossy(&plain).into_owned())
        };

        table.columns.iter().filter_map(open).collect()
    }
}

/// Name of the primary key of a sealed row.
fn row_id(row: &Value) -> &'static str {
    if row.get("id").is_some() {
        "id"
    } else {
        "user_id"
    }
}

fn uuid(value: &Value) -> Uuid {
    value
        .as_str()
        .and_then(|text| Uuid::try_parse(text).ok())
        .expect("the column is a UUID")
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    let digits = value.as_str()?.strip_prefix("\\x")?;
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

async fn connect(url: &SecretString) -> SchemaOwner {
    let url = DatabaseUrl::parse(url).expect("the URL is valid");
    SchemaOwner::connect(&url)
        .await
        .expect("the owner connects")
}

fn customer(name: &str) -> Value {
    json!({
        "full_name": format!("{name} Canary"), "email": format!("{name}@canary.example"),
        "phone": format!("+88 {} 5550199", name.len()), "national_id": format!("CANARY-{name}"),
        "notes": format!("What was noted of {name}."),
    })
}

/// Number of these values that were read.
fn found(read: &BTreeSet<String>, values: &Value) -> usize {
    values
        .as_object()
        .expect("the body is an object")
        .values()
        .filter(|value| read.contains(value.as_str().unwrap_or("")))
        .count()
}

async fn make(owner: &Actor, name: &str) -> String {
    let before = json!({ "full_name": format!("{name} Before"), "email": format!("{name}.before@canary.example") });
    let path = owner
        .post("/v1/customers", before)
        .await
        .assert_status(201)
        .location();

    owner.patch(&path, customer(name)).await.assert_status(200);
    owner
        .get(&format!("{path}/personal-data"))
        .await
        .assert_status(200);

    path
}

/// Number and digest of the records up to an id.
async fn records(app: &TestApp, until: &str) -> (i64, String) {
    const DIGEST: &str = r"
        SELECT count(*), md5(string_agg(e::text, '|' ORDER BY id))
        FROM mainstay.audit_events e
        WHERE id <= $1
    ";

    let until = Uuid::try_parse(until).expect("the column is a UUID");
    let rows = app
        .owner()
        .await
        .run(DIGEST, [until.into()])
        .await
        .expect("the log is read");

    (
        rows[0].get(0).expect("the column is a number"),
        rows[0].get(1).expect("the column is text"),
    )
}

#[tokio::test]
async fn an_erased_customer_is_unreadable_even_in_an_old_dump() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;
    let thief = Thief {
        ring: app.database().ring(),
        tables: app.platform().tables(),
    };
    let (gone, stays) = (make(&owner, "gone").await, make(&owner, "stays").await);

    // Before the erasure, the thief reads everything, in the row and in the log. This is the
    // baseline.
    let live = app.owner_url();
    let read = thief.reads(&live).await;

    assert_eq!(
        (
            found(&read, &customer("gone")),
            found(&read, &customer("stays"))
        ),
        (5, 5),
        "{read:?}"
    );
    assert!(
        read.contains("gone Before"),
        "the log contains the row's earlier values: {read:?}"
    );

    let guess = index_of(&app, &gone).await;
    assert_eq!(
        rows_that_hold(&app, &guess).await,
        ["customers"],
        "the index is in the row only"
    );

    let yesterday = dump(&live, &["--exclude-table-data=mainstay.data_keys"]);
    let with_keys = dump(&live, &[]);
    let last = owner.get("/v1/audit/events?limit=1").await.json()["items"][0]["id"]
        .as_str()
        .expect("the id is present")
        .to_owned();
    let log = records(&app, &last).await;

    owner
        .request(Method::POST, &format!("{gone}/erasure"))
        .send()
        .await
        .assert_status(200);

    // The live database with its log, and all remaining keys.
    let read = thief.reads(&live).await;
    assert_eq!(
        (
            found(&read, &customer("gone")),
            found(&read, &customer("stays"))
        ),
        (0, 5),
        "{read:?}"
    );
    assert!(!read.contains("gone Before"), "{read:?}");
    assert_eq!(
        rows_that_hold(&app, &guess).await,
        Vec::<String>::new(),
        "a remaining index would confirm a guess"
    );

    // The log is unchanged, so its seal still verifies.
    assert_eq!(records(&app, &last).await, log);
    owner.get(&stays).await.assert_status(200);

    // Yesterday's dump, restored next to it, with today's keys.
    let restored = Beside::make(&app, "CREATE DATABASE yesterday_without_keys")
        .await
        .owner;
    restore(&restored, &yesterday);
    restore(
        &restored,
        &dump(&live, &["--data-only", "--table=mainstay.data_keys"]),
    );

    let read = thief.reads(&restored).await;
    assert_eq!(
        (
            found(&read, &customer("gone")),
            found(&read, &customer("stays"))
        ),
        (0, 5),
        "{read:?}"
    );
    assert!(!read.contains("gone Before"), "{read:?}");

    // A dump that contains the keys can be opened, so docs/personal-data.md limits the retention of
    // such dumps.
    let restored = Beside::make(&app, "CREATE DATABASE yesterday_with_keys")
        .await
        .owner;
    restore(&restored, &with_keys);

    let read = thief.reads(&restored).await;
    assert_eq!(found(&read, &customer("gone")), 5, "{read:?}");
}

#[tokio::test]
async fn a_deleted_account_is_unreadable_even_in_an_old_dump() {
    let app = TestApp::start(fixture::platform()).await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let thief = Thief {
        ring: app.database().ring(),
        tables: app.platform().tables(),
    };

    // Creates a row in each table with personal data.
    let change = json!({ "email": "agent.new@canary.example" });
    agent.put("/v1/me/email", change).await.assert_status(202);
    agent
        .request(Method::POST, "/v1/me/totp")
        .send()
        .await
        .assert_status(201);

    let live = app.owner_url();
    let read = thief.reads(&live).await;
    assert!(
        read.contains(agent.email()) && read.contains("agent.new@canary.example"),
        "{read:?}"
    );
    assert!(
        read.contains("127.0.0.1"),
        "a session contains the address: {read:?}"
    );

    let yesterday = dump(&live, &["--exclude-table-data=mainstay.data_keys"]);
    agent.delete("/v1/me").await.assert_status(204);

    let read = thief.reads(&live).await;
    assert!(
        !read.contains(agent.email()) && !read.contains("agent.new@canary.example"),
        "{read:?}"
    );
    assert!(read.contains(owner.email()), "{read:?}");

    let restored = Beside::make(&app, "CREATE DATABASE yesterday_of_account")
        .await
        .owner;
    restore(&restored, &yesterday);
    restore(
        &restored,
        &dump(&live, &["--data-only", "--table=mainstay.data_keys"]),
    );

    let read = thief.reads(&restored).await;
    assert!(
        !read.contains(agent.email()) && !read.contains("agent.new@canary.example"),
        "{read:?}"
    );
    assert!(read.contains(owner.email()), "{read:?}");

    // Only the account's actions remain.
    let user = agent.user().to_string();
    let tables = rows_that_hold(&app, &user).await;

    assert!(
        tables
            .iter()
            .all(|table| table == "mainstay.audit_events" || table == "mainstay.access_changes"),
        "{tables:?}"
    );
}

/// The blind index of a customer's address, in its JSON form.
async fn index_of(app: &TestApp, path: &str) -> String {
    let id = Uuid::try_parse(path.rsplit('/').next().unwrap_or("")).expect("the column is a UUID");
    let index = "SELECT email_index::text FROM customers WHERE id = $1";
    app.owner()
        .await
        .run(index, [id.into()])
        .await
        .expect("the row is read")[0]
        .get(0)
        .expect("the column is text")
}

/// Tables that contain a text.
async fn rows_that_hold(app: &TestApp, text: &str) -> Vec<String> {
    const HOLD: &str = r"
        SELECT DISTINCT name
        FROM pg_temp.everything()
        WHERE position($1 IN content::text) > 0
          OR position(replace($1, '\', '\\') IN content::text) > 0
    ";
    let mut owner = app.owner().await;
    owner
        .run(DEFINE, [])
        .await
        .expect("the function is created");
    let rows = owner
        .run(HOLD, [text.into()])
        .await
        .expect("every table is read");
    rows.iter()
        .map(|row| row.get(0).expect("the name is present"))
        .collect()
}
