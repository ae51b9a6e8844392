//! `POST /v1/sign-ups`, `POST /v1/sign-ups/confirmation`.

use mainstay::{
    access::BuiltInRole::Agent,
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Answer, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::start;

const STRONG: &str = "violets tumble over granite";

async fn sign_up(app: &TestApp, email: &str) -> Answer {
    let body = json!({ "email": email, "password": STRONG, "organization_name": "Ada's" });
    app.anonymous().post("/v1/sign-ups", body).await
}

async fn confirm(app: &TestApp, token: &str, password: &str) -> Answer {
    app.anonymous()
        .post(
            "/v1/sign-ups/confirmation",
            json!({ "token": token, "password": password }),
        )
        .await
}

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous()
        .post(
            "/v1/sessions",
            json!({ "email": email, "password": password }),
        )
        .await
}

/// Completes a sign-up and returns the new account's `GET /v1/me`.
async fn finished(app: &TestApp, email: &str) -> Value {
    sign_up(app, email).await.assert_status(202);
    let token = app.mail_to(email).await.link_token();
    confirm(app, &token, STRONG).await.assert_status(204);
    let session = sign_in(app, email, STRONG).await.assert_status(201).json();
    app.anonymous()
        .with_token(session["access_token"].as_str().unwrap())
        .get("/v1/me")
        .await
        .assert_status(200)
        .json()
}

#[tokio::test]
async fn a_confirmed_sign_up_is_an_account_that_owns_its_organization() {
    let app = start().await;
    let me = finished(&app, "ada@example.org").await;
    assert_eq!(
        (&me["email"], &me["role"]),
        (&json!("ada@example.org"), &json!("owner"))
    );
    assert_eq!(me["organization"]["name"], "Ada's");
}

#[tokio::test]
async fn an_account_may_start_without_an_organization() {
    let app = start().await;
    app.anonymous()
        .post(
            "/v1/sign-ups",
            json!({ "email": "ada@example.org", "password": STRONG }),
        )
        .await
        .assert_status(202);

    let token = app.mail_to("ada@example.org").await.link_token();
    confirm(&app, &token, STRONG).await.assert_status(204);

    let session = sign_in(&app, "ada@example.org", STRONG)
        .await
        .assert_status(201)
        .json();
    let ada = app
        .anonymous()
        .with_token(session["access_token"].as_str().unwrap());

    let me = ada.get("/v1/me").await.assert_status(200).json();
    assert_eq!(
        (&me["organization"], &me["role"], &me["permissions"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    ada.get("/v1/customers")
        .await
        .assert_problem(403, "forbidden");
}

#[tokio::test]
async fn an_unconfirmed_sign_up_has_no_account() {
    let app = start().await;
    sign_up(&app, "ada@example.org").await.assert_status(202);
    sign_in(&app, "ada@example.org", STRONG)
        .await
        .assert_problem(401, "invalid_credentials");

    let count = app
        .owner()
        .await
        .run("SELECT count(*) FROM users", [])
        .await
        .unwrap();

    assert_eq!(count[0].get::<i64>(0).unwrap(), 0);
}

/// A stranger signs up with another person's address and waits for them to click: without the
/// stranger's password the link creates no account, and the owner's own sign-up gets an account
/// that the stranger cannot access.
#[tokio::test]
async fn signing_up_first_does_not_take_an_account() {
    let app = start().await;
    let stranger = json!({ "email": "ada@example.org", "password": "the stranger knows this one" });
    app.anonymous()
        .post("/v1/sign-ups", stranger)
        .await
        .assert_status(202);

    let planted = app.mail_to("ada@example.org").await.link_token();
    confirm(&app, &planted, STRONG)
        .await
        .assert_problem(422, "invalid_token");

    finished(&app, "ada@example.org").await;
    sign_in(&app, "ada@example.org", "the stranger knows this one")
        .await
        .assert_problem(401, "invalid_credentials");

    // The planted link does not work for the stranger any more.
    confirm(&app, &planted, "the stranger knows this one")
        .await
        .assert_problem(422, "invalid_token");
}

#[tokio::test]
async fn a_link_works_once_and_for_an_hour() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;

    sign_up(&app, "late@example.org").await.assert_status(202);

    let late = app.mail_to("late@example.org").await.link_token();
    clock.advance(Duration::hours(1));
    confirm(&app, &late, STRONG)
        .await
        .assert_problem(422, "invalid_token");

    sign_up(&app, "ada@example.org").await.assert_status(202);

    let token = app.mail_to("ada@example.org").await.link_token();
    confirm(&app, &token, STRONG).await.assert_status(204);
    confirm(&app, &token, STRONG)
        .await
        .assert_problem(422, "invalid_token");
}

/// OWASP ASVS 6.3.8: the response does not reveal whether there is an account; the address gets an
/// e-mail.
#[tokio::test]
async fn an_address_with_an_account_is_answered_alike() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let (known, unknown) = (
        sign_up(&app, agent.email()).await,
        sign_up(&app, "ada@example.org").await,
    );
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    let mail = app.mail_to(agent.email()).await;
    assert!(mail.subject.contains("already"), "{mail:?}");
    assert!(!mail.text.contains("#token="), "{mail:?}");
}

/// OWASP ASVS 6.2.1, 6.2.4, 6.2.11: a short or common password, or one made of the address, is
/// refused with advice.
#[tokio::test]
async fn a_weak_password_is_refused_with_advice() {
    let app = start().await;

    for weak in [
        "short but odd §",
        "password1234567",
        "ada.lovelace.ada.lovelace",
    ] {
        let weak = &weak[..weak.len().min(60)];
        let body =
            json!({ "email": "ada.lovelace@example.org", "password": weak.trim_end_matches('§') });
        let refused = app.anonymous().post("/v1/sign-ups", body).await;

        assert_eq!(
            refused
                .assert_problem(422, "invalid_input")
                .problem()
                .errors,
            ["body/password"],
            "{weak}"
        );
    }

    let strength = async |password: &str| {
        app.anonymous()
            .post("/v1/password-strength", json!({ "password": password }))
            .await
            .assert_status(200)
            .json()
    };

    let weak = strength("password1234567").await;
    assert_eq!(weak["acceptable"], false);
    assert!(
        weak["warning"].is_string()
            || weak["suggestions"]
                .as_array()
                .is_some_and(|all| !all.is_empty()),
        "{weak}"
    );
    assert_eq!(strength(STRONG).await["acceptable"], true);
}

#[tokio::test]
async fn an_address_that_no_mail_reaches_is_refused() {
    let app = start().await;

    for email in [
        "\"ada\"@example.org",
        "ada,bea@example.org",
        "<ada>@example.org",
    ] {
        let refused = sign_up(&app, email).await;
        assert_eq!(
            refused
                .assert_problem(422, "invalid_input")
                .problem()
                .errors,
            ["body/email"],
            "{email}"
        );
    }
}

#[tokio::test]
async fn an_unconfirmed_sign_up_is_sealed_in_the_database() {
    let app = start().await;
    sign_up(&app, "canary-7@example.org")
        .await
        .assert_status(202);

    let token = app.mail_to("canary-7@example.org").await.link_token();

    let rows = app
        .owner()
        .await
        .run(
            r"
                SELECT s::text
                FROM sign_ups s
                UNION ALL
                SELECT j::text
                FROM jobs j
            ",
            [],
        )
        .await;

    let dump: String = rows
        .unwrap()
        .iter()
        .map(|row| row.get::<String>(0).unwrap())
        .collect();

    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };

    for secret in ["canary-7", &token, "argon2id"] {
        assert!(
            !dump.contains(secret) && !dump.contains(&hex(secret)),
            "{secret} is in the database"
        );
    }
}
