//! Password guessing is throttled by account, address and network, across all replicas, without
//! locking out the owner.

use futures_util::future::join_all;
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::PASSWORD;
use serde_json::json;
use time::Duration;

use crate::proxy::{sign_in_from, start_behind_proxy};

const WRONG: &str = "not the password at all";

/// OWASP ASVS 6.1.1, 6.3.1: of a thousand guesses from a thousand networks only a few are checked,
/// and the owner still signs in from a known network.
#[tokio::test]
async fn a_thousand_guesses_neither_find_nor_lock_out() {
    let (app, _) = start_behind_proxy().await;
    let agent = app.actor(Agent).await;
    sign_in_from(&app.anonymous(), agent.email(), PASSWORD, "198.51.100.7")
        .await
        .assert_status(201);

    let mut tried = 0;
    for round in 0..20_u8 {
        let guesses = (0..50_u8).map(|host| {
            let client = app.anonymous();
            async move { (host, client) }
        });

        for (host, client) in join_all(guesses).await {
            let answer = sign_in_from(
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
        "number of checked guesses while the clock stands still"
    );
    sign_in_from(&app.anonymous(), agent.email(), PASSWORD, "198.51.100.99")
        .await
        .assert_status(201);

    // From a new network the owner is throttled like everyone else.
    sign_in_from(&app.anonymous(), agent.email(), PASSWORD, "192.0.2.1")
        .await
        .assert_problem(429, "too_many_attempts");
}

/// A burst gets no more attempts than the same requests one by one, on any replica.
#[tokio::test]
async fn a_burst_on_two_replicas_gets_the_same_few_attempts() {
    let (app, _) = start_behind_proxy().await;
    let replica = app.second_replica().await;
    let agent = app.actor(Agent).await;
    let clients = [app.anonymous(), replica.anonymous()];
    let attempts = (0..60_usize).map(|n| {
        let client = clients[n % 2].clone();
        let email = agent.email().to_owned();
        async move {
            sign_in_from(&client, &email, WRONG, &format!("203.0.{n}.9"))
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
async fn the_wait_grows_and_is_in_retry_after() {
    let (app, clock) = start_behind_proxy().await;
    let agent = app.actor(Agent).await;
    let guess = async || sign_in_from(&app.anonymous(), agent.email(), WRONG, "203.0.113.9").await;

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

    // After a day without attempts the count is reset.
    clock.advance(Duration::days(1) + Duration::SECOND);
    sign_in_from(&app.anonymous(), agent.email(), PASSWORD, "203.0.113.9")
        .await
        .assert_status(201);
}

/// An address that tries many accounts is throttled; its neighbours are not.
#[tokio::test]
async fn spraying_one_password_over_many_accounts_is_throttled() {
    let (app, _) = start_behind_proxy().await;
    let agent = app.actor(Agent).await;
    let mut refused = 0;
    for n in 0..60 {
        let answer = sign_in_from(
            &app.anonymous(),
            &format!("victim-{n}@example.org"),
            WRONG,
            "203.0.113.9",
        )
        .await;
        refused += usize::from(answer.status == 429);
    }

    assert_eq!(refused, 60 - 51);
    sign_in_from(&app.anonymous(), agent.email(), PASSWORD, "203.0.113.10")
        .await
        .assert_status(201);
}

/// An unknown account is throttled exactly like a known one, so the refusal reveals nothing.
#[tokio::test]
async fn the_throttle_does_not_reveal_who_has_an_account() {
    let (app, _) = start_behind_proxy().await;
    let agent = app.actor(Agent).await;
    let mut seen = Vec::new();
    for email in [agent.email(), "unknown@example.org"] {
        let mut statuses = Vec::new();
        for _ in 0..8 {
            statuses.push(
                sign_in_from(&app.anonymous(), email, WRONG, "203.0.113.9")
                    .await
                    .status
                    .as_u16(),
            );
        }
        seen.push(statuses);
    }

    assert_eq!(seen[0], seen[1]);
}

/// A success does not count as an attempt.
#[tokio::test]
async fn a_success_does_not_count_as_an_attempt() {
    let (app, _) = start_behind_proxy().await;
    let agent = app.actor(Agent).await;
    for _ in 0..70 {
        sign_in_from(&app.anonymous(), agent.email(), PASSWORD, "203.0.113.9")
            .await
            .assert_status(201);
    }
}

/// Requests cannot flood a victim's mailbox.
#[tokio::test]
async fn mail_to_one_address_is_limited() {
    let (app, _) = start_behind_proxy().await;
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
