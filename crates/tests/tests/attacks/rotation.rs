//! Key rotation under load, with replicas at different stages. No request fails, no value is stale,
//! and uniqueness holds while two keys make two indexes of one value.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mainstay::{
    crypto::KeyRing,
    kernel::{ExposeSecret as _, Random},
};
use mainstay_access::BuiltInRole;
use mainstay_database::{Owner, Rotation};
use mainstay_testing::{Actor, Answer, Client, TestApp};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};

use crate::{
    http::PATIENCE,
    program::{finish, program},
};

/// Key rings with two keys, for each stage of a rotation.
pub struct Stages {
    old: String,
    new: String,
}

impl Stages {
    pub fn draw() -> Self {
        let key = || {
            KeyRing::generate(&Random::default())
                .expose_secret()
                .trim()
                .to_owned()
        };
        Self {
            old: key(),
            new: key(),
        }
    }

    /// The new key is known to every replica, but does not seal yet.
    pub fn announced(&self) -> String {
        format!("{}\n{}", self.old, self.new)
    }

    /// The new key seals.
    pub fn rotated(&self) -> String {
        format!("{}\n{}", self.new, self.old)
    }

    /// The old key has left the ring.
    pub fn dropped(&self) -> String {
        self.new.clone()
    }

    async fn start(&self) -> TestApp {
        TestApp::builder(fixture::platform())
            .setting("crypto.keys", self.announced())
            .start()
            .await
    }
}

/// Runs an operator's command with the new key first.
async fn keys(app: &TestApp, ring: &str, arguments: &[&'static str]) -> String {
    let environment = [
        (
            "MAINSTAY_DATABASE_OWNER_URL",
            app.owner_url().expose_secret().to_owned(),
        ),
        ("MAINSTAY_CRYPTO_KEYS", ring.to_owned()),
    ];

    let arguments: Vec<_> = ["key-ring"].iter().chain(arguments).copied().collect();
    let ran = tokio::task::spawn_blocking(move || finish(program(arguments).envs(environment)));
    let (code, text) = ran.await.expect("the command runs");

    assert_eq!(code, Some(0), "{text}");

    text
}

async fn count(owner: &mut Owner, query: &'static str) -> i64 {
    owner.run(query, []).await.expect("the rows are read")[0]
        .get(0)
        .expect("the count is a number")
}

const CUSTOMERS: usize = 1_000;
const CALLERS: usize = 6;

/// A caller that updates and reads its own customer.
struct Caller {
    /// Clients of replicas at two stages.
    clients: [Client; 2],
    requests: Arc<AtomicUsize>,
    path: String,
    id: Value,
    number: usize,
}

impl Caller {
    fn expect(&self, answer: &Answer) -> Value {
        self.requests.fetch_add(1, Ordering::Relaxed);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Whether a search by this telephone number finds the customer.
    async fn is_found(&self, client: &Client, phone: &str) -> bool {
        let found = self.expect(
            &client
                .post("/v1/customers/search", json!({ "phone": phone }))
                .await,
        );
        found["items"]
            .as_array()
            .expect("the member is a list")
            .iter()
            .any(|item| item["id"] == self.id)
    }

    /// Writes through one replica, and reads through both: both must return and find the new value,
    /// and no older one.
    async fn write_and_read(&self, round: usize) {
        let phone = |round: usize| format!("+49 {} {round:05}", 1_000 + self.number);
        let notes = format!("Round {round}.");
        let body = json!({ "phone": phone(round), "notes": notes });

        self.expect(&self.clients[round % 2].patch(&self.path, body).await);
        // An immediate change that seals nothing.
        let status = if round.is_multiple_of(2) {
            "active"
        } else {
            "inactive"
        };

        self.expect(
            &self.clients[round % 2]
                .patch(&self.path, json!({ "status": status }))
                .await,
        );

        for client in &self.clients {
            let read = self.expect(&client.get(&format!("{}/personal-data", self.path)).await);
            assert_eq!(
                (&read["phone"], &read["notes"]),
                (&json!(phone(round)), &json!(notes)),
                "stale"
            );
            assert!(
                self.is_found(client, &phone(round)).await,
                "not found by its current number"
            );
            assert!(
                round == 0 || !self.is_found(client, &phone(round - 1)).await,
                "found by its old number"
            );
        }
    }
}

async fn callers(clients: [Client; 2], requests: &Arc<AtomicUsize>) -> Vec<Caller> {
    let mut callers = Vec::new();
    for number in 0..CALLERS {
        let body = json!({ "full_name": "Ada", "email": format!("caller-{number}@example.org") });
        let made = clients[0]
            .post("/v1/customers", body)
            .await
            .assert_status(201)
            .json();

        let path = format!(
            "/v1/customers/{}",
            made["id"].as_str().expect("the id is present")
        );
        let (clients, requests) = (clients.clone(), requests.clone());
        callers.push(Caller {
            clients,
            requests,
            path,
            id: made["id"].clone(),
            number,
        });
    }

    callers
}

/// Reads all earlier customers, page by page.
async fn read_all(client: &Client) -> usize {
    let (mut seen, mut cursor) = (0, String::new());
    loop {
        let page = client
            .get(&format!("/v1/customers?limit=100{cursor}"))
            .await
            .assert_status(200)
            .json();
        seen += page["items"]
            .as_array()
            .expect("the member is a list")
            .len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return seen,
        }
    }
}

async fn seeded(app: &TestApp, ring: &str) {
    let environment = [
        ("MAINSTAY_ENVIRONMENT", "development".to_owned()),
        (
            "MAINSTAY_DATABASE_URL",
            app.database_url().expose_secret().to_owned(),
        ),
        ("MAINSTAY_CRYPTO_KEYS", ring.to_owned()),
    ];

    let seed =
        move || finish(program(["seed", "--customers", &CUSTOMERS.to_string()]).envs(environment));
    let (code, text) = tokio::task::spawn_blocking(seed)
        .await
        .expect("the command runs");

    assert_eq!(code, Some(0), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_rows_move_to_a_new_key_under_load() {
    let stages = Stages::draw();
    let app = stages.start().await;
    let owner = app.actor(BuiltInRole::Owner).await;

    seeded(&app, &stages.announced()).await;
    let rotated = app
        .second_replica_with([("crypto.keys", stages.rotated())])
        .await;

    let requests = Arc::new(AtomicUsize::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let mut working = JoinSet::new();
    let callers = callers([(*owner).clone(), rotated.client_of(&owner)], &requests).await;

    for caller in callers {
        let done = done.clone();
        working.spawn(async move {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) || round < 3 {
                caller.write_and_read(round).await;
                round += 1;
            }
            (caller, round)
        });
    }

    for arguments in [&["rotate", "kek"][..], &["rotate", "index"], &["reseal"]] {
        keys(&app, &stages.rotated(), arguments).await;
    }

    done.store(true, Ordering::Relaxed);
    let callers = timeout(PATIENCE, working.join_all())
        .await
        .expect("all callers end in time");

    assert!(
        requests.load(Ordering::Relaxed) > CALLERS * 20,
        "{requests:?} requests"
    );

    // A replica sealed with the old key until the end; a second run moves its rows.
    keys(&app, &stages.rotated(), &["rotate", "kek"]).await;
    keys(&app, &stages.rotated(), &["rotate", "index"]).await;

    let status = keys(&app, &stages.rotated(), &["status"]).await;
    assert!(
        status.contains("unused: can be removed from the ring"),
        "{status}"
    );
    assert_eq!(status.matches("in use").count(), 0, "{status}");

    // Without the old key everything can be read: rows, indexes, accounts, signing keys.
    let alone = app
        .second_replica_with([("crypto.keys", stages.new.clone())])
        .await;
    let client = alone.client_of(&owner);

    assert_eq!(read_all(&client).await, CUSTOMERS + CALLERS);

    for (caller, rounds) in callers {
        let read = client
            .get(&format!("{}/personal-data", caller.path))
            .await
            .assert_status(200)
            .json();

        assert_eq!(read["notes"], json!(format!("Round {}.", rounds - 1)));

        let email = json!({ "email": format!("caller-{}@example.org", caller.number) });
        let found = client
            .post("/v1/customers/search", email)
            .await
            .assert_status(200)
            .json();

        assert_eq!(found["items"][0]["id"], caller.id, "{found}");
    }

    signs_in(&alone.anonymous(), &owner).await;
    // Indexes under the old key are kept for replicas without the new one; the next run deletes
    // them.
    keys(&app, &stages.new, &["rotate", "index"]).await;

    let status = keys(&app, &stages.new, &["status"]).await;
    assert!(
        !status.to_lowercase().contains("not on the ring"),
        "{status}"
    );

    let recorded = r"
        SELECT count(*)
        FROM mainstay.audit_events
        WHERE action IN ('data_key.rotated', 'blind_index.rotated', 'data_key.resealed')
          AND (after->>'refused') = '0'
    ";
    assert_eq!(count(&mut app.owner().await, recorded).await, 6);
}

async fn signs_in(client: &Client, actor: &Actor) {
    let body = json!({ "email": actor.email(), "password": mainstay_testing::PASSWORD });
    client.post("/v1/sessions", body).await.assert_status(201);
}

/// Starts a transaction, and returns its id, for which others wait.
async fn begin(owner: &mut Owner) -> String {
    owner
        .run("BEGIN", [])
        .await
        .expect("the transaction starts");
    let rows = owner
        .run("SELECT pg_current_xact_id()::xid::text", [])
        .await
        .expect("the transaction has an id");
    rows[0].get(0).expect("the column is text")
}

/// Waits until this many statements wait for a transaction.
async fn until_waiting(watcher: &mut Owner, transaction: String, waiting: i64) {
    const WAITING: &str = r"
        SELECT count(*)
        FROM pg_locks
        WHERE NOT granted AND transactionid = $1::text::xid
    ";

    let reached = async {
        loop {
            let rows = watcher
                .run(WAITING, [transaction.clone().into()])
                .await
                .expect("the rows are read");
            if rows[0].get::<i64>(0).expect("the count is a number") >= waiting {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };

    timeout(PATIENCE, reached).await.expect("the requests wait");
}

/// The critical case: statements that started before a row got its new data key, and continue after
/// it. Their snapshot does not contain that key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_resealed_while_a_statement_waits_is_not_lost() {
    let app = TestApp::builder(fixture::platform())
        .setting("database.pool_size", "6")
        .start()
        .await;
    let actor = app.actor(BuiltInRole::Owner).await;
    let mut paths = Vec::new();
    for number in 0..4 {
        let body = json!({ "full_name": "Ada", "email": format!("a-{number}@example.org"), "phone": "+49 30 1" });
        paths.push(
            actor
                .post("/v1/customers", body)
                .await
                .assert_status(201)
                .location(),
        );
    }

    let body = json!({ "email": "guest@example.org", "role": "agent" });
    let invitation = actor
        .post("/v1/invitations", body)
        .await
        .assert_status(201)
        .location();

    let mut watcher = app.owner().await;
    let keys_before = count(&mut watcher, "SELECT count(*) FROM mainstay.data_keys").await;

    let mut owner = app.owner().await;
    let transaction = begin(&mut owner).await;
    let (ring, runtime) = (app.database().ring().clone(), app.runtime().clone());
    let tables = app
        .platform()
        .tables()
        .into_iter()
        .filter(|table| ["customers", "mainstay.invitations"].contains(&table.table));

    let mut rotation = Rotation::new(owner, (ring, runtime), tables.collect(), Vec::new(), "test");
    let now = rotation.runtime().clock.now();
    let outcome = rotation.reseal(now).await.expect("the rows are resealed");

    assert_eq!((outcome.moved, outcome.refused, outcome.left), (5, 0, 0));

    let plain = actor.patch(&paths[0], json!({ "status": "inactive" }));
    let sealing = actor.patch(&paths[1], json!({ "notes": "New." }));
    let deleting = actor.delete(&paths[2]);
    let erasing = async {
        actor
            .post(&format!("{}/erasure", paths[3]), json!({}))
            .await
    };

    let withdrawing = actor.delete(&invitation);

    let committing = async {
        until_waiting(&mut watcher, transaction, 5).await;
        rotation
            .into_owner()
            .run("COMMIT", [])
            .await
            .expect("the committed file is read");
    };

    let (plain, sealing, deleting, erasing, withdrawing, ()) =
        tokio::join!(plain, sealing, deleting, erasing, withdrawing, committing);
    assert_eq!(plain.assert_status(200).json()["status"], "inactive");
    sealing.assert_status(200);
    deleting.assert_status(204);
    withdrawing.assert_status(204);
    assert_eq!(erasing.assert_status(200).json()["destroyed_keys"], 1);

    let read = actor
        .get(&format!("{}/personal-data", paths[1]))
        .await
        .assert_status(200)
        .json();

    assert_eq!(
        (&read["notes"], &read["phone"]),
        (&json!("New."), &json!("+49 30 1"))
    );

    // The keys of deleted and erased rows are deleted, although their statements could not see them
    // at first.
    assert_eq!(
        count(&mut watcher, "SELECT count(*) FROM mainstay.data_keys").await,
        keys_before - 3
    );
}

/// Two replicas index one address under two keys. Both have found it free before either writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_stays_unique_while_two_keys_index_it() {
    const PASSWORD: &str = "violet turnip engine parade";

    let stages = Stages::draw();
    let app = stages.start().await;
    let rotated = app
        .second_replica_with([("crypto.keys", stages.rotated())])
        .await;
    let mut tokens = Vec::new();
    for _ in 0..2 {
        let body = json!({ "email": "ada@example.org", "password": PASSWORD, "organization_name": "Ada's" });
        app.anonymous()
            .post("/v1/sign-ups", body)
            .await
            .assert_status(202);
        tokens.push(app.mail_to("ada@example.org").await.link_token());
    }

    let mut holder = app.owner().await;
    let transaction = begin(&mut holder).await;
    let held = holder
        .run("SELECT hash FROM mainstay.sign_ups FOR UPDATE", [])
        .await
        .expect("the locks are taken");

    assert_eq!(held.len(), 2);

    let confirm = async |client: Client, token: &String| {
        client
            .post(
                "/v1/sign-ups/confirmation",
                json!({ "token": token, "password": PASSWORD }),
            )
            .await
    };

    let mut watcher = app.owner().await;
    let releasing = async {
        // Both statements have a snapshot in which the address is free.
        until_waiting(&mut watcher, transaction, 2).await;
        holder
            .run("COMMIT", [])
            .await
            .expect("the locks are released");
    };

    let (one, other, ()) = tokio::join!(
        confirm(app.anonymous(), &tokens[0]),
        confirm(rotated.anonymous(), &tokens[1]),
        releasing
    );

    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422], "{} {}", one.text(), other.text());
    assert_eq!(
        count(&mut watcher, "SELECT count(*) FROM mainstay.users").await,
        1
    );
}
