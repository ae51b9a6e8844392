//! The number of round trips to Postgres per request, counted on the wire.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mainstay::{
    access::BuiltInRole::Owner,
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Actor, Answer, PASSWORD, TestApp};
use serde_json::{Value, json};

use crate::{
    authenticators::{Device, add_passkey, enrol, request_options, sign_in, sign_in_by_passkey},
    create, customer,
};

/// Starts an app with one connection, so that every statement is prepared after its first run.
/// Waits until it listens for revocations: before that, caches are not used and each request looks
/// up its caller.
async fn counted() -> (TestApp, Actor) {
    let builder = TestApp::builder(fixture::platform())
        .counting_round_trips()
        .setting("database.pool_size", "1");
    let app = builder.start().await;
    let owner = app.actor(Owner).await;
    let refused = async || owner.get("/v1/customers?limit=0").await;
    let deadline = Instant::now() + Duration::from_secs(20);

    while trips(&app, 422, refused).await > 0 {
        assert!(
            Instant::now() < deadline,
            "each request looks up its caller"
        );
    }

    (app, owner)
}

/// Number of round trips of a request with prepared statements and a cached caller. It is the
/// minimum of several tries, since on a busy machine the cache may be invalid for a moment, which
/// costs one more trip.
async fn trips(app: &TestApp, status: u16, request: impl AsyncFn() -> Answer) -> usize {
    let mut least = usize::MAX;
    for _ in 0..6 {
        let before = app.round_trips();
        request().await.assert_status(status);
        least = least.min(app.round_trips() - before);
    }
    least
}

#[tokio::test]
async fn a_read_takes_one_trip_and_authentication_none() {
    let (app, owner) = counted().await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    assert_eq!(
        trips(&app, 200, async || owner.get(&path).await).await,
        1,
        "one row"
    );
    assert_eq!(
        trips(&app, 200, async || owner.get("/v1/customers").await).await,
        1,
        "a page"
    );

    let by_name = "/v1/customers?sort=name";
    assert_eq!(
        trips(&app, 200, async || owner.get(by_name).await).await,
        1,
        "a page by name"
    );

    let refused = async || owner.get("/v1/customers?limit=0").await;
    assert_eq!(trips(&app, 422, refused).await, 0, "the caller is cached");
}

#[tokio::test]
async fn a_write_takes_one_trip_its_audit_record_included() {
    let (app, owner) = counted().await;
    let made = async || {
        owner
            .post("/v1/customers", customer("Ada", "ada@example.org"))
            .await
    };

    assert_eq!(trips(&app, 201, made).await, 1, "create");

    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let plain = async || owner.patch(&path, json!({ "status": "lead" })).await;
    assert_eq!(trips(&app, 200, plain).await, 1, "update");

    let sealed = async || owner.patch(&path, json!({ "full_name": "Bea" })).await;
    assert_eq!(
        trips(&app, 200, sealed).await,
        1,
        "update of a sealed field"
    );

    let revealed = async || owner.get(&format!("{path}/personal-data")).await;
    assert_eq!(trips(&app, 200, revealed).await, 1, "reveal");

    let mut least = usize::MAX;
    for _ in 0..6 {
        let path = create(&owner, customer("Bea", "bea@example.org")).await;
        let before = app.round_trips();
        owner.delete(&path).await.assert_status(204);
        least = least.min(app.round_trips() - before);
    }
    assert_eq!(least, 1, "delete");
}

/// A data key is cached for five minutes, and then read again with its row.
#[tokio::test]
async fn the_key_of_a_row_is_read_again_when_it_is_old() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + time::Duration::days(20_000));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .counting_round_trips()
        .setting("database.pool_size", "1")
        .start()
        .await;

    let owner = app.actor(Owner).await;
    let made = owner
        .post("/v1/api-keys", json!({ "name": "a" }))
        .await
        .assert_status(201)
        .json();

    let key = app.anonymous().with_token(made["key"].as_str().unwrap());
    let path = create(&owner, customer("Ada", "ada@example.org")).await;

    // Other cached values expire too, but need no key.
    let later = async |body: Value| {
        clock.advance(time::Duration::minutes(5));
        key.patch(&path, body).await
    };

    // On a busy machine the listener for revocations may lag for a while. Until it has caught up,
    // each request asks the database for its principal.
    let (mut plain, mut sealed) = (usize::MAX, usize::MAX);
    for _ in 0..30 {
        let status = async || later(json!({ "status": "lead" })).await;
        let name = async || later(json!({ "full_name": "Bea" })).await;
        plain = plain.min(trips(&app, 200, status).await);
        sealed = sealed.min(trips(&app, 200, name).await);

        if sealed == plain + 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    assert_eq!(
        sealed,
        plain + 1,
        "the row's key is read, and the row is written"
    );
}

#[tokio::test]
async fn a_cached_or_malformed_api_key_takes_no_trip() {
    let (app, owner) = counted().await;
    let made = owner
        .post("/v1/api-keys", json!({ "name": "a" }))
        .await
        .assert_status(201)
        .json();

    let text = made["key"].as_str().unwrap();
    let (key, typo) = (
        app.anonymous().with_token(text),
        app.anonymous().with_token(&text.replace("mak_", "mak_0")),
    );

    assert_eq!(
        trips(&app, 200, async || key.get("/v1/customers").await).await,
        1,
        "a page"
    );
    assert_eq!(
        trips(&app, 422, async || key.get("/v1/customers?limit=0").await).await,
        0,
        "a refused request"
    );
    assert_eq!(
        trips(&app, 401, async || typo.get("/v1/customers").await).await,
        0,
        "a typo"
    );

    let mut least = usize::MAX;
    for _ in 0..6 {
        let made = owner
            .post("/v1/api-keys", json!({ "name": "a" }))
            .await
            .assert_status(201)
            .json();

        let unknown = app.anonymous().with_token(made["key"].as_str().unwrap());
        let before = app.round_trips();
        unknown
            .get("/v1/customers?limit=0")
            .await
            .assert_status(422);

        least = least.min(app.round_trips() - before);
    }

    assert_eq!(least, 1, "a key that is not cached");
}

#[tokio::test]
async fn a_sign_in_takes_two_trips_whether_it_succeeds_or_not() {
    let (app, owner) = counted().await;
    let attempt = async |email: &str, password: &str| {
        app.anonymous()
            .post(
                "/v1/sessions",
                json!({ "email": email, "password": password }),
            )
            .await
    };

    assert_eq!(
        trips(&app, 201, async || attempt(owner.email(), PASSWORD).await).await,
        2,
        "success"
    );
    assert_eq!(
        trips(&app, 401, async || attempt(owner.email(), "wrong").await).await,
        2,
        "wrong password"
    );
    assert_eq!(
        trips(&app, 401, async || attempt("unknown@example.org", "wrong")
            .await)
        .await,
        2,
        "unknown account"
    );
}

/// Also when a client sends one refresh many times at once: later requests get the session of the
/// first.
#[tokio::test]
async fn concurrent_refreshes_take_two_trips_each() {
    const CONCURRENT: usize = 8;

    let (app, owner) = counted().await;
    let refresh = async |session: &Value| {
        let body = json!({ "refresh_token": session["refresh_token"] });
        app.anonymous()
            .post("/v1/sessions/current/refresh", body)
            .await
            .assert_status(200)
            .json()
    };

    let body = json!({ "email": owner.email(), "password": PASSWORD });
    let mut session = app
        .anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json();

    let (mut alone, mut together) = (usize::MAX, usize::MAX);

    for _ in 0..6 {
        let before = app.round_trips();
        session = refresh(&session).await;
        alone = alone.min(app.round_trips() - before);
        let before = app.round_trips();
        let responses = join_all((0..CONCURRENT).map(|_| refresh(&session))).await;
        together = together.min(app.round_trips() - before);
        session = responses.into_iter().next().unwrap();
    }

    assert_eq!((alone, together), (2, 2 * CONCURRENT));
}

#[tokio::test]
async fn a_second_factor_takes_one_more_trip() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + time::Duration::days(20_000));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .counting_round_trips()
        .setting("database.pool_size", "1")
        .start()
        .await;

    let (owner, mut device) = (app.actor(Owner).await, Device::default());
    let (totp, codes) = enrol(&app, &owner).await;
    add_passkey(&owner, &mut device).await;

    let with_code = async || {
        clock.advance(time::Duration::seconds(30));
        sign_in(&app, &owner, Some(&totp.code(clock.now()))).await
    };
    assert_eq!(trips(&app, 201, with_code).await, 3, "a code");

    let mut left = codes.iter();
    let mut least = usize::MAX;
    for _ in 0..6 {
        let before = app.round_trips();
        sign_in(&app, &owner, left.next().map(String::as_str))
            .await
            .assert_status(201);
        least = least.min(app.round_trips() - before);
    }

    assert_eq!(least, 3, "a recovery code");
    assert_eq!(
        trips(&app, 401, async || sign_in(&app, &owner, None).await).await,
        3,
        "no code: its methods"
    );

    let mut least = usize::MAX;
    for _ in 0..6 {
        let answer = device.answer(&request_options(&app).await).await;
        let before = app.round_trips();
        sign_in_by_passkey(&app, &answer).await.assert_status(201);
        least = least.min(app.round_trips() - before);
    }
    assert_eq!(least, 3, "a passkey");
}
