//! Accounts are resealed under new data keys while people sign in, enrol factors and delete their
//! accounts. No sealed value is lost, no request fails, and no key outlives its account.

use mainstay::kernel::{Clock, Timestamp};
use mainstay_access::BuiltInRole::{Agent, Owner as OwnerRole};
use mainstay_database::{Owner, Rotation, RotationOutcome};
use mainstay_http::Method;
use mainstay_testing::{Actor, OpenIdProvider, PASSWORD, TestApp};
use serde_json::json;
use time::Duration;
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    authenticators::{
        App, Device, add_passkey, enrol, request_options, sign_in, sign_in_by_passkey,
        signed_in as signed_in_as,
    },
    external::{self, ACME, begin_link, callback, link, person, through},
    http::PATIENCE,
};

/// Whether the key of each sealed cell is the key of its account.
const CELLS: &str = r"
    SELECT substring(c.cell FROM 3 FOR 8) = int8send(u.data_key)
    FROM mainstay.users u
    JOIN (
        SELECT id AS user_id, email AS cell
        FROM mainstay.users
        UNION ALL
        SELECT user_id, email
        FROM mainstay.email_changes
        UNION ALL
        SELECT user_id, user_agent
        FROM mainstay.sessions
        UNION ALL
        SELECT user_id, address
        FROM mainstay.sessions
        UNION ALL
        SELECT user_id, secret
        FROM mainstay.totps
        UNION ALL
        SELECT user_id, pending
        FROM mainstay.totps
        UNION ALL
        SELECT user_id, name
        FROM mainstay.passkeys
        UNION ALL
        SELECT user_id, credential
        FROM mainstay.passkeys
        UNION ALL
        SELECT user_id, subject
        FROM mainstay.external_identities
        UNION ALL
        SELECT user_id, email
        FROM mainstay.external_identities
    ) c ON c.user_id = u.id
    WHERE c.cell IS NOT NULL
";

/// Starts a service and its provider, and returns them with their clock.
async fn start() -> (TestApp, OpenIdProvider, Clock) {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let provider = OpenIdProvider::start(clock.clone()).await;

    // A connection for each waiting request.
    let builder = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .setting("database.pool_size", "10");
    let settings = json!([provider.settings(ACME)]).to_string();

    (
        builder
            .setting("identity.oidc_providers", settings)
            .start()
            .await,
        provider,
        clock,
    )
}

async fn rotation(app: &TestApp) -> (Rotation, i32) {
    let mut owner = app.owner().await;
    let pid = pid(&mut owner).await;
    let means = (app.database().ring().clone(), app.runtime().clone());
    (
        Rotation::new(owner, means, app.platform().tables(), Vec::new(), "test"),
        pid,
    )
}

async fn pid(owner: &mut Owner) -> i32 {
    owner
        .run("SELECT pg_backend_pid()", [])
        .await
        .expect("the rows are read")[0]
        .get(0)
        .expect("the column is a number")
}

async fn reseal(mut rotation: Rotation) -> RotationOutcome {
    let now = rotation.runtime().clock.now();
    rotation
        .reseal(now)
        .await
        .expect("the accounts are resealed")
}

/// Ids of all data keys.
async fn keys(owner: &mut Owner) -> Vec<i64> {
    let rows = owner
        .run("SELECT id FROM mainstay.data_keys", [])
        .await
        .expect("they are asked for");
    rows.iter()
        .map(|row| row.get(0).expect("the id is present"))
        .collect()
}

/// Asserts that each cell uses the key of its account, and that each key exists.
async fn assert_consistent(owner: &mut Owner) {
    let cells = owner.run(CELLS, []).await.expect("the rows are read");
    assert!(
        !cells.is_empty()
            && cells
                .iter()
                .all(|row| row.get(0).expect("the column is a boolean")),
        "a cell is under another key"
    );

    const LOST: &str = r"
        SELECT FROM mainstay.users u
        WHERE NOT EXISTS (SELECT FROM mainstay.data_keys k WHERE k.id = u.data_key)
    ";

    assert!(
        owner
            .run(LOST, [])
            .await
            .expect("the rows are counted")
            .is_empty(),
        "an account has no key"
    );

    const SPARE: &str = r"
        SELECT FROM mainstay.data_keys k
        WHERE NOT EXISTS (SELECT FROM mainstay.users u WHERE u.data_key = k.id)
    ";

    assert!(
        owner
            .run(SPARE, [])
            .await
            .expect("the rows are counted")
            .is_empty(),
        "a key has no account"
    );
}

/// Waits until this many statements wait for this backend, directly or behind each other.
async fn until_waiting(watcher: &mut Owner, pid: i32, waiting: i64) {
    const WAITING: &str = r"
        WITH RECURSIVE waiting AS (
            SELECT $1::integer AS pid
            UNION
            SELECT l.pid
            FROM pg_locks l, waiting w
            WHERE NOT l.granted AND w.pid = ANY (pg_blocking_pids(l.pid))
        )
        SELECT count(*) - 1
        FROM waiting
    ";

    let reached = async {
        loop {
            let rows = watcher
                .run(WAITING, [pid.into()])
                .await
                .expect("the rows are read");
            if rows[0].get::<i64>(0).expect("the count is a number") >= waiting {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };

    timeout(PATIENCE, reached).await.expect("the requests wait");
}

/// A reseal that has written all accounts, but cannot delete their old keys yet, because their rows
/// are locked.
struct Halted {
    holder: Owner,
    watcher: Owner,
    pid: i32,
    running: JoinHandle<RotationOutcome>,
}

impl Halted {
    async fn begin(app: &TestApp) -> Self {
        let (mut holder, mut watcher) = (app.owner().await, app.owner().await);
        holder
            .run("BEGIN", [])
            .await
            .expect("the transaction starts");
        holder
            .run("SELECT FROM mainstay.data_keys FOR UPDATE", [])
            .await
            .expect("the locks are taken");

        let (rotation, pid) = rotation(app).await;
        let running = tokio::spawn(reseal(rotation));
        let holding = self::pid(&mut holder).await;

        until_waiting(&mut watcher, holding, 1).await;

        Self {
            holder,
            watcher,
            pid,
            running,
        }
    }

    /// Releases the locks once this many statements wait.
    async fn release(mut self, waiting: i64) -> RotationOutcome {
        until_waiting(&mut self.watcher, self.pid, waiting).await;
        self.holder
            .run("COMMIT", [])
            .await
            .expect("the locks are released");
        timeout(PATIENCE, self.running)
            .await
            .expect("the reseal ends in time")
            .expect("the task does not panic")
    }
}

async fn confirm_address(app: &TestApp, actor: &Actor, new: &str) {
    for address in [actor.email(), new] {
        let mail = app
            .mailbox()
            .await
            .into_iter()
            .rfind(|mail| mail.to == address && mail.text.contains("mec_"));
        let token = mail.expect("the link was mailed").link_token();
        app.anonymous()
            .post("/v1/me/email/confirmation", json!({ "token": token }))
            .await
            .assert_status(200);
    }

    let body = json!({ "email": new, "password": PASSWORD });
    app.anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_problem(401, "second_factor_required");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_the_same_under_another_key() {
    let (app, provider, clock) = start().await;
    let ada = app.actor(Agent).await;
    let (totp, recovery) = enrol(&app, &ada).await;
    let mut device = Device::default();

    add_passkey(&ada, &mut device).await;
    link(&ada, &provider, person("ada"))
        .await
        .assert_status(201);
    ada.put("/v1/me/email", json!({ "email": "new@example.org" }))
        .await
        .assert_status(202);

    let mut owner = app.owner().await;
    let before = keys(&mut owner).await;
    clock.advance(Duration::seconds(30));

    let outcome = reseal(rotation(&app).await.0).await;
    let accounts = i64::try_from(outcome.moved).expect("the number is small");
    assert_eq!((accounts, outcome.refused, outcome.left), (1, 0, 0));

    let after = keys(&mut owner).await;
    assert!(
        after.len() == before.len() && after.iter().all(|key| !before.contains(key)),
        "{before:?} {after:?}"
    );
    assert_consistent(&mut owner).await;

    let now = app.runtime().clock.now();
    sign_in(&app, &ada, Some(&totp.code(now)))
        .await
        .assert_status(201);
    sign_in(&app, &ada, Some(&recovery[0]))
        .await
        .assert_status(201);

    let session = signed_in_as(
        &app,
        &sign_in_by_passkey(&app, &device.answer(&request_options(&app).await).await).await,
    );
    let listed = session
        .get("/v1/me/passkeys")
        .await
        .assert_status(200)
        .json();

    assert_eq!(listed["items"][0]["name"], "Ada's phone");
    session.get("/v1/sessions").await.assert_status(200);

    let linked = session
        .get("/v1/me/external-identities")
        .await
        .assert_status(200)
        .json();

    assert_eq!(linked["items"][0]["email"], "ada@example.com");

    let export = session
        .get("/v1/me/export")
        .await
        .assert_status(200)
        .text()
        .to_owned();

    assert!(
        export.contains("new@example.org")
            && export.contains("ada@example.com")
            && !export.contains("destroyed")
    );
    external::sign_in(&app, &provider, person("ada"))
        .await
        .assert_problem(401, "second_factor_required");

    confirm_address(&app, &ada, "new@example.org").await;
    assert_consistent(&mut owner).await;
}

/// All requests have read the account's key, and write after it was deleted. People who sign in are
/// not those whose factors change, since that would invalidate their verification.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_sealed_during_a_reseal_are_sealed_again() {
    let (app, provider, clock) = start().await;
    let (ada, bob) = (app.actor(Agent).await, app.actor(Agent).await);
    let (carol, dan) = (app.actor(Agent).await, app.actor(Agent).await);
    let (mut old, mut new) = (Device::default(), Device::default());
    let passkey = add_passkey(&ada, &mut Device::default()).await["id"]
        .as_str()
        .expect("the id is present")
        .to_owned();

    add_passkey(&carol, &mut old).await;

    let totp = App::of(
        &ada.post("/v1/me/totp", json!({}))
            .await
            .assert_status(201)
            .json(),
    );

    let answer = old.answer(&request_options(&app).await).await;

    let options = bob
        .request(Method::POST, "/v1/me/passkeys/options")
        .send()
        .await
        .assert_status(200)
        .json();

    let credential = new.create(&options).await;
    let started = begin_link(&bob, ACME).await;
    let back = callback(&started, &through(&provider, &started, person("bob")));

    clock.advance(Duration::seconds(30));
    let code = totp.code(app.runtime().clock.now());

    let halted = Halted::begin(&app).await;
    let path = format!("/v1/me/passkeys/{passkey}/name");
    let (confirmed, renamed, shown, enrolled, added, linked, asked, entered, outcome) = tokio::join!(
        ada.post("/v1/me/totp/confirmation", json!({ "code": code })),
        ada.put(&path, json!({ "name": "An old phone" })),
        sign_in_by_passkey(&app, &answer),
        bob.post("/v1/me/totp", json!({})),
        bob.post(
            "/v1/me/passkeys",
            json!({ "name": "Bob's phone", "credential": credential })
        ),
        bob.post("/v1/me/external-identities", back),
        bob.put("/v1/me/email", json!({ "email": "new@example.org" })),
        sign_in(&app, &dan, None),
        halted.release(8),
    );

    assert_eq!((outcome.moved, outcome.refused, outcome.left), (4, 0, 0));

    for (answer, status) in [
        (&confirmed, 200),
        (&renamed, 204),
        (&shown, 201),
        (&enrolled, 201),
        (&added, 201),
    ] {
        answer.assert_status(status);
    }

    for (answer, status) in [(&linked, 201), (&asked, 202), (&entered, 201)] {
        answer.assert_status(status);
    }
    assert_consistent(&mut app.owner().await).await;

    clock.advance(Duration::seconds(30));
    sign_in(&app, &ada, Some(&totp.code(app.runtime().clock.now())))
        .await
        .assert_status(201);

    let named = ada.get("/v1/me/passkeys").await.assert_status(200).json();
    assert_eq!(named["items"][0]["name"], "An old phone");
    sign_in_by_passkey(&app, &new.answer(&request_options(&app).await).await)
        .await
        .assert_status(201);

    let app_of_bob = App::of(&enrolled.json());
    let code = app_of_bob.code(app.runtime().clock.now());
    bob.post("/v1/me/totp/confirmation", json!({ "code": code }))
        .await
        .assert_status(200);
    external::sign_in(&app, &provider, person("bob"))
        .await
        .assert_problem(401, "second_factor_required");

    confirm_address(&app, &bob, "new@example.org").await;
    assert_consistent(&mut app.owner().await).await;
}

/// A change of address moves a sealed cell from one table to another unchanged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_changed_during_a_reseal_is_under_its_accounts_key() {
    const NEW: &str = "new@example.org";

    let (app, _provider, clock) = start().await;
    let ada = app.actor(Agent).await;
    ada.put("/v1/me/email", json!({ "email": NEW }))
        .await
        .assert_status(202);

    let tokens = [
        app.mail_to(ada.email()).await.link_token(),
        app.mail_to(NEW).await.link_token(),
    ];

    let confirm = async |token: &str| {
        app.anonymous()
            .post("/v1/me/email/confirmation", json!({ "token": token }))
            .await
            .assert_status(200)
            .json()
    };

    confirm(&tokens[0]).await;
    clock.advance(Duration::seconds(1));

    let halted = Halted::begin(&app).await;
    let (confirmed, outcome) = tokio::join!(confirm(&tokens[1]), halted.release(1));
    assert_eq!(
        (confirmed["applied"].clone(), outcome.moved),
        (json!(true), 1)
    );
    assert_eq!(
        ada.get("/v1/me").await.assert_status(200).json()["email"],
        NEW
    );
    assert_consistent(&mut app.owner().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_deleted_during_a_reseal_leaves_no_key() {
    let (app, _provider, clock) = start().await;
    let (ada, _owner) = (app.actor(Agent).await, app.actor(OwnerRole).await);
    clock.advance(Duration::seconds(1));

    let halted = Halted::begin(&app).await;
    let (deleted, outcome) = tokio::join!(ada.delete("/v1/me"), halted.release(1));
    deleted.assert_status(204);
    assert_eq!((outcome.moved, outcome.refused, outcome.left), (2, 0, 0));

    const LEFT: &str = "SELECT FROM mainstay.data_keys WHERE subject_id = $1";

    let mut owner = app.owner().await;
    assert!(
        owner
            .run(LEFT, [ada.user().uuid().into()])
            .await
            .expect("the rows are read")
            .is_empty()
    );
    assert_consistent(&mut owner).await;
}

/// A reseal does not wait for a locked account: the next pass reseals it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_account_is_skipped() {
    let (app, _provider, clock) = start().await;
    let (ada, _bob) = (app.actor(Agent).await, app.actor(Agent).await);
    clock.advance(Duration::seconds(1));

    let mut holder = app.owner().await;
    let mine = [ada.user().uuid().into()];

    for held in [
        r"
            SELECT FROM mainstay.users
            WHERE id = $1
            FOR KEY SHARE
        ",
        r"
            SELECT FROM mainstay.sessions
            WHERE user_id = $1
            FOR UPDATE
        ",
    ] {
        holder
            .run("BEGIN", [])
            .await
            .expect("the transaction starts");
        holder
            .run(held, mine.clone())
            .await
            .expect("the row is locked");

        let outcome = timeout(PATIENCE, reseal(rotation(&app).await.0))
            .await
            .expect("the reseal does not wait");
        assert_eq!(
            (outcome.moved, outcome.refused, outcome.left),
            (1, 0, 1),
            "{held}"
        );
        assert_consistent(&mut app.owner().await).await;

        holder
            .run("COMMIT", [])
            .await
            .expect("the lock is released");
        clock.advance(Duration::seconds(1));
    }

    assert_eq!(reseal(rotation(&app).await.0).await.moved, 2);
    ada.get("/v1/me").await.assert_status(200);
}

/// An account with an altered value stays unchanged and is reported.
#[tokio::test]
async fn an_account_with_an_altered_value_keeps_its_key() {
    let (app, _provider, clock) = start().await;
    let (ada, bob) = (app.actor(Agent).await, app.actor(Agent).await);
    clock.advance(Duration::seconds(1));

    let mut owner = app.owner().await;

    const ALTER: &str = r"
        UPDATE mainstay.sessions
        SET address = set_byte(address, 30, get_byte(address, 30) # 1)
        WHERE user_id = $1
        RETURNING id
    ";

    let altered = owner
        .run(ALTER, [ada.user().uuid().into()])
        .await
        .expect("the row is altered");
    assert_eq!(altered.len(), 1);

    let before = keys(&mut owner).await;
    let outcome = reseal(rotation(&app).await.0).await;
    assert_eq!((outcome.moved, outcome.refused, outcome.left), (1, 1, 0));
    assert_eq!(
        keys(&mut owner)
            .await
            .iter()
            .filter(|key| before.contains(key))
            .count(),
        1
    );
    assert_consistent(&mut owner).await;
    for actor in [&ada, &bob] {
        sign_in(&app, actor, None).await.assert_status(201);
    }
}
