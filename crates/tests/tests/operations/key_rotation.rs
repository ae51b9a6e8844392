//! The commands `key-ring status`, `key-ring rotate` and `key-ring reseal`, also when they are
//! killed.

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

/// A service whose rows are under an old key, and key rings with the old key and with a new one in
/// front.
struct Deployment {
    app: TestApp,
    new: String,
    old: String,
}

impl Deployment {
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

        let deployment = Self { app, new, old };
        let mut seed = program(["seed", "--customers", &CUSTOMERS.to_string()]);
        seed.envs([
            ("MAINSTAY_ENVIRONMENT", "development".to_owned()),
            (
                "MAINSTAY_DATABASE_URL",
                deployment.app.database_url().expose_secret().to_owned(),
            ),
            ("MAINSTAY_CRYPTO_KEYS", deployment.old.clone()),
        ]);

        let (code, text) = finish(&mut seed);
        assert_eq!(code, Some(0), "{text}");

        deployment
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

    fn rotated_ring(&self) -> String {
        format!("{} {}", self.new, self.old)
    }

    fn keys(&self, arguments: &[&str]) -> String {
        let (code, text) = finish(&mut self.command(&self.rotated_ring(), arguments));
        assert_eq!(code, Some(0), "{text}");
        text
    }

    /// Starts a command at a slow pace, kills it once `moved` counts some of its rows, and returns
    /// its output and progress.
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

        let mut victim = Serving::start(&mut self.command(&self.rotated_ring(), &slowly));
        while so_far().await < before + 50 {
            assert!(victim.is_running(), "{}", victim.log());
            tokio::task::yield_now().await;
        }

        victim.signal("KILL");
        assert_eq!(victim.exit_code(), None, "the command was killed");

        (victim.log(), so_far().await - before)
    }

    /// The id of the new key in the rows that it protects.
    fn new_id(&self) -> Vec<u8> {
        let ring = KeyRing::parse(&self.new.as_str().into()).expect("the key ring is valid");
        ring.key_ids()
            .next()
            .map(|(_, id)| id.to_vec())
            .expect("the ring has a primary key")
    }
}

async fn count<const N: usize>(owner: &mut Owner, query: &'static str, values: [Value; N]) -> i64 {
    owner.run(query, values).await.expect("the rows are read")[0]
        .get(0)
        .expect("the count is a number")
}

/// The number of moved rows that a command prints.
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
async fn a_killed_rotation_continues_where_it_stopped() {
    const KEYS: &str = "SELECT count(*) FROM data_keys";

    const REWRAPPED: &str = r"
            SELECT count(*)
            FROM data_keys
            WHERE substring(wrapped FROM 2 FOR 4) = $1
        ";

    const INDEXED: &str = r"
            SELECT count(*)
            FROM customers
            WHERE substring(email_index FROM 2 FOR 4) = $1
        ";

    const RESEALED: &str = "SELECT count(*) FROM data_keys WHERE created_at > $1";

    let deployment = Deployment::new().await;
    let mut owner = deployment.app.owner().await;
    let total = count(&mut owner, KEYS, []).await;
    let status = deployment.keys(&["status"]);

    assert!(
        status.contains("primary")
            && status.contains("in use")
            && !status.contains("can be removed"),
        "{status}"
    );

    let (_, at_first) = deployment
        .killed(&["rotate", "kek"], REWRAPPED, deployment.new_id())
        .await;
    let text = deployment.keys(&["rotate", "kek"]);

    // Private boxes come after data keys: the second run moves them and the rest of the data keys.
    let boxes = moved(&text) - (total - at_first);
    assert!(
        at_first < total && (1..20).contains(&boxes),
        "{at_first} of {total}, then {text}"
    );
    assert_eq!(
        count(&mut owner, REWRAPPED, [deployment.new_id().into()]).await,
        total
    );
    assert_eq!(
        moved(&deployment.keys(&["rotate", "kek"])),
        0,
        "no row is left to move"
    );

    let status = deployment.keys(&["status"]);
    assert!(
        status.contains("in use"),
        "the indexes are still under the old key: {status}"
    );

    let (_, at_first) = deployment
        .killed(&["rotate", "index"], INDEXED, deployment.new_id())
        .await;
    let text = deployment.keys(&["rotate", "index"]);

    assert!(
        at_first < CUSTOMERS && moved(&text) < CUSTOMERS,
        "{at_first}, then {text}"
    );
    assert_eq!(
        count(&mut owner, INDEXED, [deployment.new_id().into()]).await,
        CUSTOMERS
    );
    assert_eq!(
        moved(&deployment.keys(&["rotate", "index"])),
        0,
        "no row is left to move"
    );

    let status = deployment.keys(&["status"]);
    assert!(
        status.contains("unused: can be removed from the ring") && !status.contains("in use"),
        "{status}"
    );

    let rows = owner
        .run("SELECT max(created_at) FROM data_keys", [])
        .await
        .expect("the rows are read");
    let youngest: Timestamp = rows[0].get(0).expect("the column is a timestamp");
    let (log, at_first) = deployment
        .killed(&["reseal"], RESEALED, youngest.inner())
        .await;

    assert!(at_first < CUSTOMERS, "{at_first}");

    let before = log
        .split("--before ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next())
        .expect("the output has the command");

    let text = deployment.keys(&["reseal", "--before", before]);
    assert_eq!(moved(&text), total - at_first, "{text}");
    assert_eq!(
        moved(&deployment.keys(&["reseal", "--older-than", "1h"])),
        0,
        "no key is that old"
    );
    assert_eq!(
        count(&mut owner, KEYS, []).await,
        total,
        "each row still has one key"
    );

    // The new key alone opens and finds every row.
    let alone = deployment
        .app
        .second_replica_with([("crypto.keys", deployment.new.clone())])
        .await;
    let body = json!({ "email": "owner-1@example.org", "password": mainstay_testing::PASSWORD });

    let session = alone
        .anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json();

    let client = alone.anonymous().with_token(
        session["access_token"]
            .as_str()
            .expect("the response has a token"),
    );
    let page = client
        .get("/v1/customers?limit=100&sort=name")
        .await
        .assert_status(200)
        .json();

    assert_eq!(page["items"].as_array().map(Vec::len), Some(100));
}

#[tokio::test]
async fn a_value_that_does_not_open_is_reported_and_its_key_is_kept() {
    let deployment = Deployment::new().await;
    let mut owner = deployment.app.owner().await;
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
        .expect("one value is altered");

    let (code, text) =
        finish(&mut deployment.command(&deployment.rotated_ring(), &["rotate", "kek"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("1 cannot be decrypted"), "{text}");

    let status = deployment.keys(&["status"]);
    assert!(
        status.contains("data_keys.wrapped: 1") && !status.contains("can be removed"),
        "{status}"
    );

    // With a ring that lacks the key, the command reports that, and does not call the key
    // retirable.
    let (code, status) = finish(&mut deployment.command(&deployment.new, &["status"]));
    assert_eq!(code, Some(0), "{status}");
    assert!(status.contains("NOT ON THE RING"), "{status}");
}
