//! Attempts by strangers must not lock out an account's owner, and must not reveal who has an
//! account (OWASP ASVS 6.1.1, 6.3.1, 6.3.8; NIST SP 800-63B-4 §3.2.2).

use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Actor, Answer, PASSWORD, TestApp};
use serde_json::json;
use time::Duration;

use crate::{
    authenticators::enrol,
    proxy::{post_from, sign_in_from, start_behind_proxy},
};

const WRONG: &str = "not the password at all";
const NEW: &str = "violets tumble over granite";
/// An address from which the owner has signed in, and one from which they have not.
const HOME: &str = "198.51.100.7";
const ABROAD: &str = "192.0.2.1";

/// Creates an account whose owner has signed in from [`HOME`].
async fn owner_at_home(app: &TestApp) -> Actor {
    let owner = app.actor(Agent).await;
    sign_in_from(&app.anonymous(), owner.email(), PASSWORD, HOME)
        .await
        .assert_status(201);
    owner
}

/// Strangers guess, each from another network, until they are throttled.
async fn attack(app: &TestApp, email: &str) {
    for network in 0..12 {
        sign_in_from(
            &app.anonymous(),
            email,
            WRONG,
            &format!("203.0.{network}.9"),
        )
        .await;
    }
    sign_in_from(&app.anonymous(), email, WRONG, "203.0.99.9")
        .await
        .assert_problem(429, "too_many_attempts");
}

/// Status and `Retry-After` of a response: what a stranger sees.
fn seen(answer: &Answer) -> (u16, String) {
    let wait = if answer.status == 429 {
        answer.header("retry-after").to_owned()
    } else {
        String::new()
    };
    (answer.status.as_u16(), wait)
}

/// A stranger cannot see whether an account exists, from any network.
#[tokio::test]
async fn throttling_is_the_same_with_and_without_an_account() {
    let (app, clock) = start_behind_proxy().await;
    let owner = owner_at_home(&app).await;
    let mut answers = Vec::new();
    for email in [owner.email(), "unknown@example.org"] {
        let mut of_this = Vec::new();
        for from in [
            "203.0.113.9",
            "198.51.100.99",
            "203.0.114.9",
            "198.51.100.99",
        ] {
            for _ in 0..8 {
                of_this.push(seen(
                    &sign_in_from(&app.anonymous(), email, WRONG, from).await,
                ));
            }
        }

        let reset = ("/v1/password-resets", json!({ "email": email }));
        let sign_up = ("/v1/sign-ups", json!({ "email": email, "password": NEW }));
        for (path, body) in [reset, sign_up] {
            for from in ["203.0.113.9", "198.51.100.99"] {
                for _ in 0..8 {
                    of_this.push(seen(
                        &post_from(&app.anonymous(), path, body.clone(), from).await,
                    ));
                }
            }
        }

        answers.push(of_this);
        // The first address has used up its network's limit, so it is reset.
        clock.advance(Duration::days(3));
    }

    assert_eq!(answers[0], answers[1]);
}

/// The owner can always sign in from a known network, regardless of attempts by strangers on the
/// account, from the same address or network. Wrong attempts from there are still refused.
#[tokio::test]
async fn wrong_passwords_do_not_lock_the_owner_out() {
    let (app, _) = start_behind_proxy().await;
    let owner = owner_at_home(&app).await;
    attack(&app, owner.email()).await;

    for n in 0..60 {
        sign_in_from(
            &app.anonymous(),
            &format!("victim-{n}@example.org"),
            WRONG,
            HOME,
        )
        .await;
    }

    sign_in_from(&app.anonymous(), "victim@example.org", WRONG, HOME)
        .await
        .assert_problem(429, "too_many_attempts");

    sign_in_from(&app.anonymous(), owner.email(), WRONG, HOME)
        .await
        .assert_problem(429, "too_many_attempts");
    sign_in_from(&app.anonymous(), owner.email(), PASSWORD, HOME)
        .await
        .assert_status(201);
    sign_in_from(&app.anonymous(), owner.email(), PASSWORD, "198.51.100.99")
        .await
        .assert_status(201);
    sign_in_from(&app.anonymous(), owner.email(), PASSWORD, ABROAD)
        .await
        .assert_problem(429, "too_many_attempts");
}

/// Reset requests do not count as failures: the owner still gets the e-mail, and can sign in from
/// where the link was used.
#[tokio::test]
async fn resets_by_strangers_do_not_lock_the_owner_out() {
    let (app, _) = start_behind_proxy().await;
    let owner = owner_at_home(&app).await;
    attack(&app, owner.email()).await;

    let ask = async |from: &str| {
        post_from(
            &app.anonymous(),
            "/v1/password-resets",
            json!({ "email": owner.email() }),
            from,
        )
        .await
    };

    for network in 0..30 {
        ask(&format!("203.0.{network}.9")).await.assert_status(202);
    }

    app.until_idle().await;

    let letters = async || {
        app.mailbox()
            .await
            .into_iter()
            .filter(|mail| mail.to == owner.email())
            .count()
    };

    let before = letters().await;
    assert!(before <= 12, "too many e-mails were sent: {before}");

    ask(ABROAD).await.assert_status(202);
    assert_eq!(letters().await, before, "the last link is still valid");
    ask(HOME).await.assert_status(202);
    assert_eq!(letters().await, before + 1);

    let token = app.mail_to(owner.email()).await.link_token();
    let body = json!({ "token": token, "password": NEW });
    post_from(
        &app.anonymous(),
        "/v1/password-resets/completion",
        body,
        ABROAD,
    )
    .await
    .assert_status(204);
    sign_in_from(&app.anonymous(), owner.email(), NEW, ABROAD)
        .await
        .assert_status(201);
}

/// An attacker with the password but without the second factor does not lock the owner out.
#[tokio::test]
async fn wrong_codes_do_not_lock_the_owner_out() {
    let (app, clock) = start_behind_proxy().await;
    let owner = owner_at_home(&app).await;
    let (totp, _) = enrol(&app, &owner).await;
    let try_code = async |code: String, from: &str| {
        let body = json!({ "email": owner.email(), "password": PASSWORD, "code": code });
        post_from(&app.anonymous(), "/v1/sessions", body, from).await
    };

    let mut refused = false;
    for network in 0..12 {
        let answer = try_code(totp.wrong_code(clock.now()), &format!("203.0.{network}.9")).await;
        refused |= answer.status == 429;
        clock.advance(Duration::seconds(30));
    }

    assert!(refused, "guesses are throttled");
    try_code(totp.code(clock.now()), HOME)
        .await
        .assert_status(201);
}

/// A count decays all the time: one attempt per day locks no one out, for an account or an address.
#[tokio::test]
async fn one_attempt_per_day_locks_no_one_out() {
    let (app, clock) = start_behind_proxy().await;
    let owner = app.actor(Agent).await;
    attack(&app, owner.email()).await;

    for n in 0..60 {
        sign_in_from(
            &app.anonymous(),
            &format!("victim-{n}@example.org"),
            WRONG,
            ABROAD,
        )
        .await;
    }

    for day in 0..20 {
        clock.advance(Duration::days(1));
        sign_in_from(
            &app.anonymous(),
            owner.email(),
            WRONG,
            &format!("203.{day}.1.9"),
        )
        .await
        .assert_problem(401, "invalid_credentials");
        sign_in_from(&app.anonymous(), "victim@example.org", WRONG, ABROAD)
            .await
            .assert_problem(401, "invalid_credentials");
    }

    clock.advance(Duration::hours(1));
    sign_in_from(&app.anonymous(), owner.email(), PASSWORD, ABROAD)
        .await
        .assert_status(201);
}

/// An attacker who retries as soon as possible gets at most a hundred attempts per account in
/// thirty days, and no wait is longer than a day.
#[tokio::test]
async fn a_hundred_failures_take_a_month() {
    let (app, clock) = start_behind_proxy().await;
    let owner = app.actor(Agent).await;
    let end = clock.now() + Duration::days(30);
    let (mut failures, mut network) = (0, 0_u32);

    while clock.now() < end {
        network += 1;
        let from = format!("10.{}.{}.9", network >> 8, network & 0xff);
        let answer = sign_in_from(&app.anonymous(), owner.email(), WRONG, &from).await;
        if answer.status == 401 {
            failures += 1;
            continue;
        }

        let wait = answer
            .assert_problem(429, "too_many_attempts")
            .header("retry-after")
            .parse()
            .unwrap_or(0);

        assert!((1..86_400).contains(&wait), "{wait}");

        clock.advance(Duration::seconds(wait));
    }

    assert!((40..=101).contains(&failures), "{failures}");
}

/// Attempts of different replicas, or of one that counts several at once, do not arrive in order of
/// time.
#[tokio::test]
async fn an_attempt_with_an_earlier_time_is_not_refused() {
    let (app, clock) = start_behind_proxy().await;

    for (path, body, status) in [
        (
            "/v1/sessions",
            json!({ "email": "unknown@example.org", "password": WRONG }),
            401,
        ),
        ("/v1/password-strength", json!({ "password": WRONG }), 200),
    ] {
        post_from(&app.anonymous(), path, body.clone(), HOME)
            .await
            .assert_status(status);
        clock.advance(-Duration::seconds(3));
        post_from(&app.anonymous(), path, body, HOME)
            .await
            .assert_status(status);
    }
}
