//! What strangers try must not keep an owner out, and must not tell them who has an account (OWASP ASVS 6.1.1, 6.3.1,
//! 6.3.8; NIST SP 800-63B-4 §3.2.2).

use mainstay::kernel::{Clock, Timestamp};
use mainstay_access::BuiltInRole::Agent;
use mainstay_http::Method;
use mainstay_testing::{Actor, Answer, PASSWORD, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::authenticators::enrol;

const WRONG: &str = "not the password at all";
const NEW: &str = "violets tumble over granite";
/// From where the owner has signed in, and from where never.
const HOME: &str = "198.51.100.7";
const ABROAD: &str = "192.0.2.1";

/// A service that believes a proxy on the loopback, so that a test may come from any address.
async fn start() -> (TestApp, Clock) {
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

async fn post(app: &TestApp, path: &str, body: Value, from: &str) -> Answer {
    app.anonymous()
        .request(Method::POST, path)
        .header("x-forwarded-for", from)
        .json(&body)
        .send()
        .await
}

async fn sign_in(app: &TestApp, email: &str, password: &str, from: &str) -> Answer {
    post(
        app,
        "/v1/sessions",
        json!({ "email": email, "password": password }),
        from,
    )
    .await
}

/// An account whose owner has signed in at home.
async fn owner_at_home(app: &TestApp) -> Actor {
    let owner = app.actor(Agent).await;
    sign_in(app, owner.email(), PASSWORD, HOME)
        .await
        .assert_status(201);
    owner
}

/// Strangers try until they have to wait, each from a network of its own.
async fn attack(app: &TestApp, email: &str) {
    for network in 0..12 {
        sign_in(app, email, WRONG, &format!("203.0.{network}.9")).await;
    }
    sign_in(app, email, WRONG, "203.0.99.9")
        .await
        .assert_problem(429, "too_many_attempts");
}

/// Status and wait of an answer: what a stranger sees.
fn seen(answer: &Answer) -> (u16, String) {
    let wait = if answer.status == 429 {
        answer.header("retry-after").to_owned()
    } else {
        String::new()
    };
    (answer.status.as_u16(), wait)
}

/// Neither from elsewhere nor from the owner's own network does a stranger see whether there is an account.
#[tokio::test]
async fn counts_are_the_same_with_an_account_and_without() {
    let (app, clock) = start().await;
    let owner = owner_at_home(&app).await;
    let mut answers = Vec::new();
    for email in [owner.email(), "nobody@example.org"] {
        let mut of_this = Vec::new();
        for from in [
            "203.0.113.9",
            "198.51.100.99",
            "203.0.114.9",
            "198.51.100.99",
        ] {
            for _ in 0..8 {
                of_this.push(seen(&sign_in(&app, email, WRONG, from).await));
            }
        }

        let reset = ("/v1/password-resets", json!({ "email": email }));
        let sign_up = ("/v1/sign-ups", json!({ "email": email, "password": NEW }));
        for (path, body) in [reset, sign_up] {
            for from in ["203.0.113.9", "198.51.100.99"] {
                for _ in 0..8 {
                    of_this.push(seen(&post(&app, path, body.clone(), from).await));
                }
            }
        }

        answers.push(of_this);
        // What the first address has used up of its network's room is there again.
        clock.advance(Duration::days(3));
    }

    assert_eq!(answers[0], answers[1]);
}

/// The owner signs in at once from a network that the account knows, whatever strangers do to the account, to the same
/// address and to the same network. While they do, what is wrong is refused alike there.
#[tokio::test]
async fn wrong_tries_do_not_keep_the_owner_out() {
    let (app, _) = start().await;
    let owner = owner_at_home(&app).await;
    attack(&app, owner.email()).await;

    for n in 0..60 {
        sign_in(&app, &format!("victim-{n}@example.org"), WRONG, HOME).await;
    }

    sign_in(&app, "victim@example.org", WRONG, HOME)
        .await
        .assert_problem(429, "too_many_attempts");

    sign_in(&app, owner.email(), WRONG, HOME)
        .await
        .assert_problem(429, "too_many_attempts");
    sign_in(&app, owner.email(), PASSWORD, HOME)
        .await
        .assert_status(201);
    sign_in(&app, owner.email(), PASSWORD, "198.51.100.99")
        .await
        .assert_status(201);
    sign_in(&app, owner.email(), PASSWORD, ABROAD)
        .await
        .assert_problem(429, "too_many_attempts");
}

/// Requests for a new password are no failures: they keep nobody from asking, nor from getting the letter. One who has
/// shown the mailbox gets in from there, whatever strangers tried.
#[tokio::test]
async fn resets_by_strangers_do_not_keep_the_owner_out() {
    let (app, _) = start().await;
    let owner = owner_at_home(&app).await;
    attack(&app, owner.email()).await;

    let ask = async |from: &str| {
        post(
            &app,
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
    assert!(before <= 12, "the mailbox is spared: {before}");

    ask(ABROAD).await.assert_status(202);
    assert_eq!(
        letters().await,
        before,
        "the link that was mailed last is still valid"
    );
    ask(HOME).await.assert_status(202);
    assert_eq!(letters().await, before + 1);

    let token = app.mail_to(owner.email()).await.link_token();
    let body = json!({ "token": token, "password": NEW });
    post(&app, "/v1/password-resets/completion", body, ABROAD)
        .await
        .assert_status(204);
    sign_in(&app, owner.email(), NEW, ABROAD)
        .await
        .assert_status(201);
}

/// Who has the password but not the second factor does not keep the owner from showing theirs.
#[tokio::test]
async fn wrong_codes_do_not_keep_the_owner_out() {
    let (app, clock) = start().await;
    let owner = owner_at_home(&app).await;
    let (totp, _) = enrol(&app, &owner).await;
    let try_code = async |code: String, from: &str| {
        let body = json!({ "email": owner.email(), "password": PASSWORD, "code": code });
        post(&app, "/v1/sessions", body, from).await
    };

    let mut refused = false;
    for network in 0..12 {
        let answer = try_code(totp.wrong_code(clock.now()), &format!("203.0.{network}.9")).await;
        refused |= answer.status == 429;
        clock.advance(Duration::seconds(30));
    }

    assert!(refused, "guesses are slowed down");
    try_code(totp.code(clock.now()), HOME)
        .await
        .assert_status(201);
}

/// A count falls while it is left alone and while it is not: one attempt a day keeps nobody out, on an account or an address.
#[tokio::test]
async fn one_attempt_a_day_keeps_nobody_out() {
    let (app, clock) = start().await;
    let owner = app.actor(Agent).await;
    attack(&app, owner.email()).await;

    for n in 0..60 {
        sign_in(&app, &format!("victim-{n}@example.org"), WRONG, ABROAD).await;
    }

    for day in 0..20 {
        clock.advance(Duration::days(1));
        sign_in(&app, owner.email(), WRONG, &format!("203.{day}.1.9"))
            .await
            .assert_problem(401, "invalid_credentials");
        sign_in(&app, "victim@example.org", WRONG, ABROAD)
            .await
            .assert_problem(401, "invalid_credentials");
    }

    clock.advance(Duration::hours(1));
    sign_in(&app, owner.email(), PASSWORD, ABROAD)
        .await
        .assert_status(201);
}

/// Somebody who tries as soon as they may gets at most a hundred tries at an account in thirty days, and nobody is told to
/// wait for a day.
#[tokio::test]
async fn a_hundred_failures_take_a_month() {
    let (app, clock) = start().await;
    let owner = app.actor(Agent).await;
    let end = clock.now() + Duration::days(30);
    let (mut failures, mut network) = (0, 0_u32);

    while clock.now() < end {
        network += 1;
        let from = format!("10.{}.{}.9", network >> 8, network & 0xff);
        let answer = sign_in(&app, owner.email(), WRONG, &from).await;
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

/// Attempts of different replicas, or of one that counts several at once, do not come in the order of their clocks.
#[tokio::test]
async fn an_attempt_that_an_earlier_clock_counts_is_not_refused() {
    let (app, clock) = start().await;

    for (path, body, status) in [
        (
            "/v1/sessions",
            json!({ "email": "nobody@example.org", "password": WRONG }),
            401,
        ),
        ("/v1/password-strength", json!({ "password": WRONG }), 200),
    ] {
        post(&app, path, body.clone(), HOME)
            .await
            .assert_status(status);
        clock.advance(-Duration::seconds(3));
        post(&app, path, body, HOME).await.assert_status(status);
    }
}
