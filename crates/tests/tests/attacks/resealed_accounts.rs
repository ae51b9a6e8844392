//! Accounts get other data keys while people sign in, enrol factors and leave. Nothing that was sealed is lost, no request
//! fails, and no key outlives its account.

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

/// What the sealed cells of accounts are, and the keys that they name beside the keys that their accounts have.
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

/// A service, its provider, and the clock of both.
async fn house() -> (TestApp, OpenIdProvider, Clock) {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let provider = OpenIdProvider::start(clock.clone()).await;

    // A connection for each of those who wait.
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
        .expect("it is asked")[0]
        .get(0)
        .expect("a number")
}

async fn reseal(mut rotation: Rotation) -> RotationOutcome {
    let now = rotation.runtime().clock.now();
    rotation
        .reseal(now)
        .await
        .expect("accounts are sealed anew")
}

/// The ids of all data keys.
async fn keys(owner: &mut Owner) -> Vec<i64> {
    let rows = owner
        .run("SELECT id FROM mainstay.data_keys", [])
        .await
        .expect("they are asked for");
    rows.iter().map(|row| row.get(0).expect("an id")).collect()
}

/// Sees that each cell names the key of its account, and that there is a key for each.
async fn assert_whole(owner: &mut Owner) {
    let cells = owner.run(CELLS, []).await.expect("they are read");
    assert!(
        !cells.is_empty() && cells.iter().all(|row| row.get(0).expect("a truth")),
        "a cell under another key"
    );

    const LOST: &str = r"
        SELECT FROM mainstay.users u
        WHERE NOT EXISTS (SELECT FROM mainstay.data_keys k WHERE k.id = u.data_key)
    ";

    assert!(
        owner
            .run(LOST, [])
            .await
            .expect("they are looked for")
            .is_empty(),
        "an account without its key"
    );

    const SPARE: &str = r"
        SELECT FROM mainstay.data_keys k
        WHERE NOT EXISTS (SELECT FROM mainstay.users u WHERE u.data_key = k.id)
    ";

    assert!(
        owner
            .run(SPARE, [])
            .await
            .expect("they are looked for")
            .is_empty(),
        "a key without its account"
    );
}

/// Waits until as many statements wait for the one of this backend, directly or behind each other.
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
                .expect("it is asked");
            if rows[0].get::<i64>(0).expect("a count") >= waiting {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };

    timeout(PATIENCE, reached).await.expect("they wait");
}

/// A reseal that has written all accounts and cannot destroy their old keys yet, which somebody holds.
struct Halted {
    holder: Owner,
    watcher: Owner,
    pid: i32,
    running: JoinHandle<RotationOutcome>,
}

impl Halted {
    async fn begin(app: &TestApp) -> Self {
        let (mut holder, mut watcher) = (app.owner().await, app.owner().await);
        holder.run("BEGIN", []).await.expect("a transaction begins");
        holder
            .run("SELECT FROM mainstay.data_keys FOR UPDATE", [])
            .await
            .expect("they are held");

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

    /// Lets it go on once as many statements wait for it.
    async fn release(mut self, waiting: i64) -> RotationOutcome {
        until_waiting(&mut self.watcher, self.pid, waiting).await;
        self.holder
            .run("COMMIT", [])
            .await
            .expect("they are released");
        timeout(PATIENCE, self.running)
            .await
            .expect("it comes to an end")
            .expect("it does not panic")
    }
}

async fn confirm_address(app: &TestApp, actor: &Actor, new: &str) {
    for address in [actor.email(), new] {
        let mail = app
            .mailbox()
            .await
            .into_iter()
            .rfind(|mail| mail.to == address && mail.text.contains("mec_"));
        let token = mail.expect("it was mailed").link_token();
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
    let (app, provider, clock) = house().await;
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
    let accounts = i64::try_from(outcome.moved).expect("a few");
    assert_eq!((accounts, outcome.refused, outcome.left), (1, 0, 0));

    let after = keys(&mut owner).await;
    assert!(
        after.len() == before.len() && after.iter().all(|key| !before.contains(key)),
        "{before:?} {after:?}"
    );
    assert_whole(&mut owner).await;

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
    assert_whole(&mut owner).await;
}

/// Everybody has read the account's key, and writes after it was destroyed. Those who sign in are not those whose factors
/// change, which would end what they have verified.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sealed_while_an_account_changes_its_key_is_sealed_once_more() {
    let (app, provider, clock) = house().await;
    let (ada, bob) = (app.actor(Agent).await, app.actor(Agent).await);
    let (carol, dan) = (app.actor(Agent).await, app.actor(Agent).await);
    let (mut old, mut new) = (Device::default(), Device::default());
    let passkey = add_passkey(&ada, &mut Device::default()).await["id"]
        .as_str()
        .expect("an id")
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
    let begun = begin_link(&bob, ACME).await;
    let back = callback(&begun, &through(&provider, &begun, person("bob")));

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
    assert_whole(&mut app.owner().await).await;

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
    assert_whole(&mut app.owner().await).await;
}

/// A change of address moves a cell from one table to the other as it stands there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_changes_meanwhile_is_under_the_key_of_its_account() {
    const NEW: &str = "new@example.org";

    let (app, _provider, clock) = house().await;
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
    assert_whole(&mut app.owner().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_deleted_meanwhile_leaves_no_key() {
    let (app, _provider, clock) = house().await;
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
            .expect("it is asked")
            .is_empty()
    );
    assert_whole(&mut owner).await;
}

/// Whoever is at work on an account is not waited for: it is the next pass that takes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_somebody_writes_is_passed_over() {
    let (app, _provider, clock) = house().await;
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
        holder.run("BEGIN", []).await.expect("a transaction begins");
        holder.run(held, mine.clone()).await.expect("it is held");

        let outcome = timeout(PATIENCE, reseal(rotation(&app).await.0))
            .await
            .expect("it waits for nobody");
        assert_eq!(
            (outcome.moved, outcome.refused, outcome.left),
            (1, 0, 1),
            "{held}"
        );
        assert_whole(&mut app.owner().await).await;

        holder.run("COMMIT", []).await.expect("it is released");
        clock.advance(Duration::seconds(1));
    }

    assert_eq!(reseal(rotation(&app).await.0).await.moved, 2);
    ada.get("/v1/me").await.assert_status(200);
}

/// What does not open stays as it is, with all that hangs together with it, and is told.
#[tokio::test]
async fn an_account_of_which_something_was_altered_keeps_its_key() {
    let (app, _provider, clock) = house().await;
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
        .expect("it is altered");
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
    assert_whole(&mut owner).await;
    for somebody in [&ada, &bob] {
        sign_in(&app, somebody, None).await.assert_status(201);
    }
}
