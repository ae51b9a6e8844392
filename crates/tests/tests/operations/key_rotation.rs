//! `key-ring status`, `key-ring rotate` and `key-ring reseal` as an operator runs them, and as a machine kills them.

use mainstay::{
    crypto::KeyRing,
    kernel::{ExposeSecret as _, Random, Timestamp},
};
use mainstay_access::BuiltInRole;
use mainstay_database::{Owner, Value};
use mainstay_testing::TestApp;
use serde_json::json;

use crate::program::{Serving, finish, program};

const CUSTOMERS: i64 = 600;

/// A service whose rows stand under one key, and the ring that another was put in front of.
struct House {
    app: TestApp,
    new: String,
    old: String,
}

impl House {
    async fn new() -> Self {
        let [old, new] = [(); 2].map(|()| {
            KeyRing::generate(&Random::default())
                .expose_secret()
                .trim()
                .to_owned()
        });

        let app = TestApp::builder(fixture::platform())
            .setting("crypto.keys", old.clone())
            .start()
            .await;
        app.actor(BuiltInRole::Owner).await;

        let house = Self { app, new, old };
        let mut seed = program(["seed", "--customers", &CUSTOMERS.to_string()]);
        seed.envs([
            ("MAINSTAY_ENVIRONMENT", "development".to_owned()),
            (
                "MAINSTAY_DATABASE_URL",
                house.app.database_url().expose_secret().to_owned(),
            ),
            ("MAINSTAY_CRYPTO_KEYS", house.old.clone()),
        ]);

        let (code, text) = finish(&mut seed);
        assert_eq!(code, Some(0), "{text}");

        house
    }

    fn command(&self, ring: &str, arguments: &[&str]) -> std::process::Command {
        let mut command = program(["key-ring"].iter().chain(arguments));
        command.env(
            "MAINSTAY_DATABASE_OWNER_URL",
            self.app.owner_url().expose_secret(),
        );
        command.env("MAINSTAY_CRYPTO_KEYS", ring);
        command
    }

    fn turned(&self) -> String {
        format!("{} {}", self.new, self.old)
    }

    fn keys(&self, arguments: &[&str]) -> String {
        let (code, text) = finish(&mut self.command(&self.turned(), arguments));
        assert_eq!(code, Some(0), "{text}");
        text
    }

    /// Begins a command at a slow pace, kills it once `moved` counts some of its rows, and gives what it wrote and how far
    /// it came.
    async fn killed(
        &self,
        arguments: &[&str],
        moved: &'static str,
        since: impl Into<Value>,
    ) -> (String, i64) {
        let (mut owner, since) = (self.app.owner().await, since.into());
        let mut so_far = async || count(&mut owner, moved, [since.clone()]).await;
        let before = so_far().await;
        let slowly: Vec<_> = arguments
            .iter()
            .chain(&["--rate", "100"])
            .copied()
            .collect();

        let mut victim = Serving::start(&mut self.command(&self.turned(), &slowly));
        while so_far().await < before + 50 {
            assert!(victim.is_running(), "{}", victim.log());
            tokio::task::yield_now().await;
        }

        victim.signal("KILL");
        assert_eq!(victim.exit_code(), None, "it was killed");

        (victim.log(), so_far().await - before)
    }

    /// How what the new key makes names it.
    fn new_id(&self) -> Vec<u8> {
        let ring = KeyRing::parse(&self.new.as_str().into()).expect("it is a ring");
        ring.key_ids()
            .next()
            .map(|(_, id)| id.to_vec())
            .expect("it has a key")
    }
}

async fn count<const N: usize>(owner: &mut Owner, query: &'static str, values: [Value; N]) -> i64 {
    owner.run(query, values).await.expect("it is asked")[0]
        .get(0)
        .expect("a count")
}

/// The number that a command says it moved.
fn moved(text: &str) -> i64 {
    let line = text
        .lines()
        .find(|line| line.contains(" in ") && line.ends_with(" s"))
        .unwrap_or_else(|| panic!("{text}"));
    line.split(' ')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{text}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_is_killed_goes_on_where_it_was() {
    const KEYS: &str = "SELECT count(*) FROM data_keys";

    const REWRAPPED: &str = r"
            SELECT count(*)
            FROM data_keys
            WHERE substring(wrapped FROM 2 FOR 4) = $1
        ";

    const INDEXED: &str = r"
            SELECT count(*)
            FROM customers
            WHERE substring(phone_index FROM 2 FOR 4) = $1
        ";

    const RESEALED: &str = "SELECT count(*) FROM data_keys WHERE created_at > $1";

    let house = House::new().await;
    let mut owner = house.app.owner().await;
    let total = count(&mut owner, KEYS, []).await;
    let status = house.keys(&["status"]);

    assert!(
        status.contains("primary")
            && status.contains("in use")
            && !status.contains("can be removed"),
        "{status}"
    );

    let (_, at_first) = house
        .killed(&["rotate", "kek"], REWRAPPED, house.new_id())
        .await;
    let text = house.keys(&["rotate", "kek"]);

    // Private boxes come after data keys: the second run moves those, and what the first left.
    let boxes = moved(&text) - (total - at_first);
    assert!(
        at_first < total && (1..20).contains(&boxes),
        "{at_first} of {total}, then {text}"
    );
    assert_eq!(
        count(&mut owner, REWRAPPED, [house.new_id().into()]).await,
        total
    );
    assert_eq!(moved(&house.keys(&["rotate", "kek"])), 0, "nothing is left");

    let status = house.keys(&["status"]);
    assert!(
        status.contains("in use"),
        "the indexes are not moved yet: {status}"
    );

    let (_, at_first) = house
        .killed(&["rotate", "index"], INDEXED, house.new_id())
        .await;
    let text = house.keys(&["rotate", "index"]);

    assert!(
        at_first < CUSTOMERS && moved(&text) < CUSTOMERS,
        "{at_first}, then {text}"
    );
    assert_eq!(
        count(&mut owner, INDEXED, [house.new_id().into()]).await,
        CUSTOMERS
    );
    assert_eq!(
        moved(&house.keys(&["rotate", "index"])),
        0,
        "nothing is left"
    );

    let status = house.keys(&["status"]);
    assert!(
        status.contains("unused: can be removed from the ring") && !status.contains("in use"),
        "{status}"
    );

    let rows = owner
        .run("SELECT max(created_at) FROM data_keys", [])
        .await
        .expect("it is asked");
    let youngest: Timestamp = rows[0].get(0).expect("a moment");
    let (log, at_first) = house.killed(&["reseal"], RESEALED, youngest.inner()).await;

    assert!(at_first < CUSTOMERS, "{at_first}");

    let before = log
        .split("--before ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("it says how");

    let text = house.keys(&["reseal", "--before", before]);
    assert_eq!(moved(&text), total - at_first, "{text}");
    assert_eq!(
        moved(&house.keys(&["reseal", "--older-than", "1h"])),
        0,
        "nothing is that old"
    );
    assert_eq!(
        count(&mut owner, KEYS, []).await,
        total,
        "a key a row, as before"
    );

    // The new key alone opens and finds everything.
    let alone = house
        .app
        .second_replica_with([("crypto.keys", house.new.clone())])
        .await;
    let body = json!({ "email": "owner-1@example.org", "password": mainstay_testing::PASSWORD });

    let session = alone
        .anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json();

    let client = alone
        .anonymous()
        .with_token(session["access_token"].as_str().expect("a token"));
    let page = client
        .get("/v1/customers?limit=100&sort=name")
        .await
        .assert_status(200)
        .json();

    assert_eq!(page["items"].as_array().map(Vec::len), Some(100));
}

#[tokio::test]
async fn what_does_not_open_is_told_and_keeps_its_key_on_the_ring() {
    let house = House::new().await;
    let mut owner = house.app.owner().await;
    owner
        .run(
            r"
                UPDATE data_keys
                SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)
                WHERE id = (SELECT data_key FROM customers ORDER BY id LIMIT 1)
            ",
            [],
        )
        .await
        .expect("one is altered");

    let (code, text) = finish(&mut house.command(&house.turned(), &["rotate", "kek"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("1 cannot be decrypted"), "{text}");

    let status = house.keys(&["status"]);
    assert!(
        status.contains("data_keys.wrapped: 1") && !status.contains("can be removed"),
        "{status}"
    );

    // A ring that lacks the key says so, and does not call it retirable.
    let (code, status) = finish(&mut house.command(&house.new, &["status"]));
    assert_eq!(code, Some(0), "{status}");
    assert!(status.contains("NOT ON THE RING"), "{status}");
}
