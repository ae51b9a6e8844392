//! Guessing passwords: slowed down by account, address and network, on all replicas at once, and never at the cost of the
//! owner.

use futures_util::future::join_all;
use mainstay::kernel::{Clock, Timestamp};
use mainstay_access::BuiltInRole::Agent;
use mainstay_http::Method;
use mainstay_testing::{Answer, Client, PASSWORD, TestApp};
use serde_json::json;
use time::Duration;

const WRONG: &str = "not the password at all";

/// A service that believes a proxy on the loopback, so that a test may come from any address.
async fn behind_a_proxy() -> (TestApp, Clock) {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    (
        builder
            .setting("http.trusted_proxies", "127.0.0.0/8")
            .start()
            .await,
        clock,
    )
}

async fn sign_in(client: &Client, email: &str, password: &str, from: &str) -> Answer {
    let call = client
        .request(Method::POST, "/v1/sessions")
        .header("x-forwarded-for", from);
    call.json(&json!({ "email": email, "password": password }))
        .send()
        .await
}

/// OWASP ASVS 6.1.1, 6.3.1: a thousand guesses from a thousand networks get a handful of tries, and the owner still signs
/// in from where they are known.
#[tokio::test]
async fn a_thousand_guesses_neither_find_nor_lock_out() {
    let (app, _) = behind_a_proxy().await;
    let agent = app.actor(Agent).await;
    sign_in(&app.anonymous(), agent.email(), PASSWORD, "198.51.100.7")
        .await
        .assert_status(201);

    let mut tried = 0;
    for round in 0..20_u8 {
        let guesses = (0..50_u8).map(|host| {
            let client = app.anonymous();
            async move { (host, client) }
        });

        for (host, client) in join_all(guesses).await {
            let answer = sign_in(
                &client,
                agent.email(),
                WRONG,
                &format!("203.{round}.{host}.9"),
            )
            .await;
            match answer.status.as_u16() {
                401 => tried += 1,
                _ => drop(answer.assert_problem(429, "too_many_attempts")),
            }
        }
    }

    assert_eq!(
        tried, 6,
        "guesses that were looked at, while the clock stood still"
    );
    sign_in(&app.anonymous(), agent.email(), PASSWORD, "198.51.100.99")
        .await
        .assert_status(201);

    // From a new network the owner waits like everybody else there.
    sign_in(&app.anonymous(), agent.email(), PASSWORD, "192.0.2.1")
        .await
        .assert_problem(429, "too_many_attempts");
}

/// A burst gets through no more often than the same attempts one by one, whichever replica they meet.
#[tokio::test]
async fn a_burst_on_two_replicas_gets_the_same_few_tries() {
    let (app, _) = behind_a_proxy().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let clients = [app.anonymous(), replica.anonymous()];
    let attempts = (0..60_usize).map(|n| {
        let client = clients[n % 2].clone();
        let email = agent.email().to_owned();
        async move {
            sign_in(&client, &email, WRONG, &format!("203.0.{n}.9"))
                .await
                .status
                .as_u16()
        }
    });

    let statuses = join_all(attempts).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        6,
        "{statuses:?}"
    );
    assert_eq!(
        statuses.iter().filter(|status| **status == 429).count(),
        54,
        "{statuses:?}"
    );
}

#[tokio::test]
async fn the_wait_grows_and_is_told() {
    let (app, clock) = behind_a_proxy().await;
    let agent = app.actor(Agent).await;
    let guess = async || sign_in(&app.anonymous(), agent.email(), WRONG, "203.0.113.9").await;

    for _ in 0..6 {
        guess().await.assert_problem(401, "invalid_credentials");
    }

    for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        let refused = guess().await;
        refused.assert_problem(429, "too_many_attempts");
        assert_eq!(refused.header("retry-after"), expected.to_string());
        clock.advance(Duration::seconds(expected));
        guess().await.assert_problem(401, "invalid_credentials");
    }

    // What is left alone for a day is forgotten.
    clock.advance(Duration::days(1) + Duration::SECOND);
    sign_in(&app.anonymous(), agent.email(), PASSWORD, "203.0.113.9")
        .await
        .assert_status(201);
}

/// One address that tries many accounts is slowed down too; its neighbours are not.
#[tokio::test]
async fn spraying_one_password_over_many_accounts_is_slowed_down() {
    let (app, _) = behind_a_proxy().await;
    let agent = app.actor(Agent).await;
    let mut refused = 0;
    for n in 0..60 {
        let answer = sign_in(
            &app.anonymous(),
            &format!("victim-{n}@example.org"),
            WRONG,
            "203.0.113.9",
        )
        .await;
        refused += usize::from(answer.status == 429);
    }

    assert_eq!(refused, 60 - 51);
    sign_in(&app.anonymous(), agent.email(), PASSWORD, "203.0.113.10")
        .await
        .assert_status(201);
}

/// An unknown address is slowed down exactly as a known one: the refusal tells nothing.
#[tokio::test]
async fn the_throttle_does_not_tell_who_has_an_account() {
    let (app, _) = behind_a_proxy().await;
    let agent = app.actor(Agent).await;
    let mut seen = Vec::new();
    for email in [agent.email(), "nobody@example.org"] {
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(
                sign_in(&app.anonymous(), email, WRONG, "203.0.113.9")
                    .await
                    .status
                    .as_u16(),
            );
        }
        seen.push(statuses);
    }

    assert_eq!(seen[0], seen[1]);
}

/// Whoever guesses right is back at once: a success takes back what it was counted as.
#[tokio::test]
async fn a_success_takes_its_attempt_back() {
    let (app, _) = behind_a_proxy().await;
    let agent = app.actor(Agent).await;
    for _ in 0..70 {
        sign_in(&app.anonymous(), agent.email(), PASSWORD, "203.0.113.9")
            .await
            .assert_status(201);
    }
}

/// The mailbox of a victim is not filled by asking for letters to it.
#[tokio::test]
async fn letters_to_one_address_are_few() {
    let (app, _) = behind_a_proxy().await;
    let ask = async |path: &str, body: serde_json::Value| {
        app.anonymous().post(path, body).await.status.as_u16()
    };

    for (path, body) in [
        (
            "/v1/password-resets",
            json!({ "email": "victim@example.org" }),
        ),
        (
            "/v1/sign-ups",
            json!({ "email": "victim@example.org", "password": "violets tumble over granite" }),
        ),
    ] {
        let mut sent = 0;
        for _ in 0..12 {
            sent += usize::from(ask(path, body.clone()).await == 202);
        }
        assert_eq!(sent, 6, "{path}");
    }
}
