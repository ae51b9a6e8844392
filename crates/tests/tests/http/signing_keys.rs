//! Signing keys of access tokens rotate on all replicas, and no token is refused meanwhile (OWASP
//! ASVS 11.1.1, 13.3.4).

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use aws_lc_rs::encoding::AsBigEndian as _;
use mainstay::{
    access::BuiltInRole::Agent,
    database::{Origin, Sql},
    identity::{Begin, KeyState, list_signing_keys, retire_signing_key, rotate_signing_keys},
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Actor, Client, PASSWORD, TestApp, tokens::Token};
use serde_json::json;
use time::Duration as Period;

/// Upper bound for any wait, even on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a service whose keys live for a day, with a manual clock.
async fn start() -> (TestApp, Clock) {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Period::days(20_000));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let builder = builder
        .setting("identity.signing_key_lifetime", "1d")
        .setting("identity.access_token_lifetime", "60m");
    (builder.start().await, clock)
}

fn operator(app: &TestApp) -> Sql {
    let request = app.runtime().new_id::<Origin>().uuid();
    let origin = Origin {
        request,
        operation: "test",
        address: None,
    };

    Sql::unlimited(
        "the test replaces the operator",
        app.database(),
        origin,
        None,
    )
}

/// The key ids in the key set.
async fn kids(client: &Client) -> Vec<String> {
    let keys = client
        .get("/.well-known/jwks.json")
        .await
        .assert_status(200)
        .json();
    let keys = keys["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// The id of the key that signed a token.
fn kid_of(token: &str) -> String {
    Token::of(token).header()["kid"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn sign_in(client: &Client, email: &str) -> Client {
    let answer = client
        .post(
            "/v1/sessions",
            json!({ "email": email, "password": PASSWORD }),
        )
        .await;
    client.with_token(
        answer.assert_status(201).json()["access_token"]
            .as_str()
            .unwrap(),
    )
}

async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "timed out: {what}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_key_set_follows_a_key_through_its_life() {
    let (app, clock) = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let first = kids(&app.anonymous()).await;

    assert_eq!(
        first,
        [kid_of(agent.token())],
        "one of two replicas created the first key"
    );

    // Every replica sees that a rotation is due, and one new key is created. It is announced before
    // it signs.
    clock.advance(Period::days(1));

    let both = eventually("a key is announced", async || {
        let kids = kids(&app.anonymous()).await;
        (kids.len() > 1).then_some(kids)
    })
    .await;
    let [old, new] = &both[..] else {
        panic!("expected one new key from two replicas: {both:?}")
    };

    assert_eq!(*old, first[0]);

    eventually("the other replica knows the key", async || {
        (kids(&replica.anonymous()).await == both).then_some(())
    })
    .await;
    clock.advance(Period::minutes(9));

    let early = sign_in(&replica.anonymous(), agent.email()).await;
    assert_eq!(
        kid_of(early.token()),
        *old,
        "an announced key does not sign yet"
    );

    // Then it signs, and tokens of the old key stay valid until they expire.
    clock.advance(Period::minutes(1));

    let late = sign_in(&replica.anonymous(), agent.email()).await;
    assert_eq!(kid_of(late.token()), *new);

    for client in [&app.anonymous(), &replica.anonymous()] {
        for token in [early.token(), late.token()] {
            client
                .with_token(token)
                .get("/v1/me")
                .await
                .assert_status(200);
        }
    }

    eventually("the old private key is deleted", async || {
        let rows = app
            .owner()
            .await
            .run(
                "SELECT id FROM mainstay.signing_keys WHERE private IS NOT NULL",
                [],
            )
            .await
            .unwrap();
        (rows.len() == 1 && rows[0].get::<String>(0).unwrap() == *new).then_some(())
    })
    .await;

    early.get("/v1/me").await.assert_status(200);

    // Then the old key is deleted, and its tokens are invalid.
    clock.advance(Period::hours(1));
    assert_eq!(kids(&app.anonymous()).await, [new.as_str()]);

    eventually("the old key's row is deleted", async || {
        let count = "SELECT count(*) FROM mainstay.signing_keys WHERE id = $1";
        let rows = app
            .owner()
            .await
            .run(count, [old.clone().into()])
            .await
            .unwrap();
        (rows[0].get::<i64>(0).unwrap() == 0).then_some(())
    })
    .await;
}

/// Other services may cache the key set for less time than a key is announced.
#[tokio::test]
async fn the_key_set_limits_its_caching() {
    let (app, _) = start().await;
    let answer = app.anonymous().get("/.well-known/jwks.json").await;
    assert_eq!(answer.header("cache-control"), "public, max-age=300");

    let key = &answer.json()["keys"][0];
    let members: BTreeSet<_> = key
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();

    assert_eq!(
        members,
        BTreeSet::from(["alg", "crv", "kid", "kty", "use", "x"]),
        "nothing private"
    );
    assert_eq!(
        app.anonymous().get("/v1/me").await.header("cache-control"),
        "no-store"
    );
}

/// Signs in and sends requests to both replicas until `done`. Every token must be accepted.
async fn use_tokens(
    app: &TestApp,
    agent: &Actor,
    other: &Client,
    done: &AtomicBool,
    turn: usize,
) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    while !done.load(Ordering::Relaxed) {
        let (issuer, verifier) = if turn.is_multiple_of(2) {
            (&app.anonymous(), other)
        } else {
            (other, &app.anonymous())
        };

        let signed_in = sign_in(issuer, agent.email()).await;
        verifier
            .with_token(signed_in.token())
            .get("/v1/me")
            .await
            .assert_status(200);
        verifier
            .with_token(agent.token())
            .get("/v1/me")
            .await
            .assert_status(200);

        seen.insert(kid_of(signed_in.token()));
    }

    seen
}

#[tokio::test]
async fn no_token_is_refused_while_keys_change() {
    let (app, clock) = start().await;
    let replica = app.second_replica().await;
    let (agent, done) = (app.actor(Agent).await, AtomicBool::new(false));
    let other = replica.anonymous();
    let using = (0..3).map(|turn| use_tokens(&app, &agent, &other, &done, turn));

    let rotating = async {
        for begin in [Begin::Now, Begin::Announced, Begin::Now, Begin::Now] {
            let kid = rotate_signing_keys(&operator(&app), begin)
                .await
                .unwrap()
                .unwrap();

            if begin == Begin::Announced {
                clock.advance(Period::minutes(10));
            }

            eventually("the new key signs on both", async || {
                let here = kid_of(sign_in(&app.anonymous(), agent.email()).await.token());
                let there = kid_of(sign_in(&other, agent.email()).await.token());
                (here == kid && there == kid).then_some(())
            })
            .await;
        }

        done.store(true, Ordering::Relaxed);
    };

    let (seen, ()) = tokio::join!(futures_util::future::join_all(using), rotating);
    let seen: BTreeSet<_> = seen.into_iter().flatten().collect();
    assert!(
        seen.len() > 2,
        "the keys did not rotate during the requests: {seen:?}"
    );
}

/// OWASP ASVS 9.1.3, 7.4.1: a retired key is refused everywhere within a second.
#[tokio::test]
async fn a_retired_key_is_refused_everywhere_within_a_second() {
    let (app, _) = start().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let remote = replica.client_of(&agent);

    // Both replicas have verified and cached the token.
    agent.get("/v1/me").await.assert_status(200);
    remote.get("/v1/me").await.assert_status(200);

    let kid = kid_of(agent.token());
    let new = retire_signing_key(&operator(&app), &kid)
        .await
        .unwrap()
        .unwrap();
    let started = Instant::now();

    for client in [&*agent, &remote] {
        eventually("the token is refused", async || {
            (client.get("/v1/me").await.status == 401).then_some(())
        })
        .await;
    }

    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    for client in [app.anonymous(), replica.anonymous()] {
        let signed_in = sign_in(&client, agent.email()).await;
        assert_eq!(kid_of(signed_in.token()), new);
        signed_in.get("/v1/me").await.assert_status(200);
        assert_eq!(kids(&client).await, [new.as_str()]);
    }

    let states: Vec<_> = list_signing_keys(&operator(&app))
        .await
        .unwrap()
        .0
        .iter()
        .map(|key| key.state)
        .collect();

    assert_eq!(states, [KeyState::Signing]);
}

/// A key that only verifies, or that does not sign yet, may be retired too; a key that signs always
/// gets a successor.
#[tokio::test]
async fn after_any_retirement_one_key_signs_and_another_follows() {
    let (app, clock) = start().await;
    let (operator, first) = (operator(&app), kids(&app.anonymous()).await.remove(0));
    let announced = rotate_signing_keys(&operator, Begin::Announced)
        .await
        .unwrap()
        .unwrap();
    let third = retire_signing_key(&operator, &announced)
        .await
        .unwrap()
        .unwrap();

    let state = async || {
        let (keys, _) = list_signing_keys(&operator).await.unwrap();
        keys.into_iter()
            .map(|key| (key.kid, key.state, key.retires_at.is_some()))
            .collect::<Vec<_>>()
    };

    let (verifying, signing) = (
        (first.clone(), KeyState::Verifying, true),
        (third, KeyState::Signing, false),
    );
    assert_eq!(state().await, [verifying, signing.clone()]);

    clock.advance(Period::seconds(1));

    eventually("the first private key is deleted", async || {
        let rows = app
            .owner()
            .await
            .run(
                "SELECT 1 FROM mainstay.signing_keys WHERE private IS NOT NULL",
                [],
            )
            .await
            .unwrap();
        (rows.len() == 1).then_some(())
    })
    .await;

    assert_eq!(
        retire_signing_key(&operator, &first).await.unwrap(),
        None,
        "another key already signs"
    );
    assert_eq!(state().await, [signing]);

    for unknown in [&first, "", "nothing"] {
        assert!(
            retire_signing_key(&operator, unknown).await.is_err(),
            "{unknown}"
        );
    }
}

/// OWASP ASVS 16.2.1: key events are recorded under an id that is derived from the key's id.
#[tokio::test]
async fn key_events_are_recorded() {
    let (app, _) = start().await;
    let operator = operator(&app);
    rotate_signing_keys(&operator, Begin::Now).await.unwrap();

    let (keys, _) = list_signing_keys(&operator).await.unwrap();
    retire_signing_key(&operator, &keys[1].kid).await.unwrap();

    let rows = r"
        SELECT action, resource_id::text
        FROM mainstay.audit_events
        WHERE resource = 'signing_key'
        ORDER BY id
    ";
    let rows = app.owner().await.run(rows, []).await.unwrap();
    let events: BTreeSet<(String, String)> = rows
        .iter()
        .map(|row| (row.get(0).unwrap(), row.get(1).unwrap()))
        .collect();
    let expected = [
        ("signing_key_created", 0),
        ("signing_key_rotated", 1),
        ("signing_key_retired", 1),
    ];

    let expected = expected
        .map(|(action, key): (&str, usize)| (action.to_owned(), keys[key].audit_id.to_string()));
    assert_eq!(events, BTreeSet::from(expected));
}

/// Made-up key ids cause one query per second, and do not delay valid tokens.
#[tokio::test]
async fn a_flood_of_unknown_key_ids_does_not_reach_the_database() {
    const FLOOD: usize = 300;

    let builder = TestApp::builder(fixture::platform())
        .setting("database.pool_size", "1")
        .counting_round_trips();
    let app = builder.start().await;
    let agent = app.actor(Agent).await;

    agent.get("/v1/me").await.assert_status(200);

    let names = |number: usize| format!("{number:043}");
    let flood = (0..FLOOD).map(|number| {
        let token = Token::of(agent.token())
            .with_header("kid", names(number))
            .to_string();
        let client = app.anonymous().with_token(&token);
        async move { client.get("/v1/me").await.status.as_u16() }
    });

    let (started, before) = (Instant::now(), app.round_trips());
    let answers = futures_util::future::join_all(flood).await;
    let (trips, seconds) = (
        app.round_trips() - before,
        started.elapsed().as_secs() as usize,
    );

    assert!(answers.iter().all(|status| *status == 401), "{answers:?}");
    // One query per second, and two more if the cache was invalid for a moment; the first one is
    // prepared.
    assert!(
        trips <= 2 * (seconds + 2) + 2,
        "{trips} trips in {seconds} s"
    );

    // A cached unknown id is refused at once, without a query.
    let (token, before) = (
        Token::of(agent.token())
            .with_header("kid", names(1))
            .to_string(),
        app.round_trips(),
    );

    let again = (0..20).map(|_| async {
        app.anonymous()
            .with_token(&token)
            .get("/v1/me")
            .await
            .status
            .as_u16()
    });

    assert_eq!(futures_util::future::join_all(again).await, [401; 20]);
    assert!(
        app.round_trips() - before <= 2,
        "{}",
        app.round_trips() - before
    );
    agent.get("/v1/me").await.assert_status(200);
}

/// OWASP ASVS 13.3.1, 11.7.1: a dump contains no usable private key, and an inserted row is not
/// accepted.
#[tokio::test]
async fn signing_keys_cannot_be_read_or_planted_in_the_database() {
    let (app, _) = start().await;
    let agent = app.actor(Agent).await;
    let mut owner = app.owner().await;
    let key = mainstay_testing::tokens::stolen_key(&app).await;
    let seed = key.seed().unwrap().as_be_bytes().unwrap();
    let rows = owner
        .run("SELECT private, public FROM mainstay.signing_keys", [])
        .await
        .unwrap();

    for half in [0, 1] {
        let bytes: Vec<u8> = rows[0].get(half).unwrap();
        assert!(
            !bytes.windows(32).any(|window| window == seed.as_ref()),
            "the row contains the seed"
        );
    }

    // The attacker's key, under its correct id, in every form that a row can have without the ring.
    let (forged, kid, public) = Token::of(agent.token()).signed_by_unpublished_key();
    let insert = r"
        INSERT INTO mainstay.signing_keys (id, number, public, private, created_at, signs_from)
        SELECT $1, max(number) + 1, $2, NULL, min(created_at), min(signs_from)
        FROM mainstay.signing_keys
    ";
    for public in [public, rows[0].get(1).unwrap()] {
        owner
            .run(insert, [kid.clone().into(), public.into()])
            .await
            .unwrap();

        for _ in 0..3 {
            app.anonymous()
                .with_token(&forged)
                .get("/v1/me")
                .await
                .assert_status(401);
            agent.get("/v1/me").await.assert_status(200);
        }

        assert_eq!(kids(&app.anonymous()).await, [kid_of(agent.token())]);

        let listed = list_signing_keys(&operator(&app)).await.unwrap();
        assert_eq!(
            (listed.0.len(), listed.1),
            (1, vec![kid.clone()]),
            "the operator's list shows the key"
        );

        owner
            .run(
                "DELETE FROM mainstay.signing_keys WHERE id = $1",
                [kid.clone().into()],
            )
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn two_replicas_that_start_at_once_share_the_first_key() {
    let (app, _) = start().await;
    let mut owner = app.owner().await;
    owner
        .run("DELETE FROM mainstay.signing_keys", [])
        .await
        .unwrap();

    let replicas = futures_util::future::join_all((0..3).map(|_| app.second_replica())).await;
    let mut sets: Vec<Vec<String>> = Vec::new();
    for replica in &replicas {
        sets.push(kids(&replica.anonymous()).await);
    }

    assert!(
        sets.iter().all(|set| set.len() == 1 && *set == sets[0]),
        "{sets:?}"
    );

    let rows = owner
        .run("SELECT id FROM mainstay.signing_keys", [])
        .await
        .unwrap();
    assert_eq!(
        rows.iter()
            .map(|row| row.get::<String>(0).unwrap())
            .collect::<Vec<_>>(),
        sets[0]
    );
}
