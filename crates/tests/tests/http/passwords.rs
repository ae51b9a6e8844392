//! `PUT /v1/me/password`, `POST /v1/password-resets`, `POST /v1/password-resets/completion`.

use mainstay::{
    access::BuiltInRole::Agent,
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Answer, Client, PASSWORD, TestApp};
use serde_json::json;
use time::Duration;

use crate::start;

const NEW: &str = "violets tumble over granite";

async fn sign_in(app: &TestApp, email: &str, password: &str) -> Answer {
    app.anonymous()
        .post(
            "/v1/sessions",
            json!({ "email": email, "password": password }),
        )
        .await
}

async fn session(app: &TestApp, email: &str) -> Client {
    let session = sign_in(app, email, PASSWORD)
        .await
        .assert_status(201)
        .json();
    app.anonymous()
        .with_token(session["access_token"].as_str().unwrap())
}

async fn forgotten(app: &TestApp, email: &str) -> String {
    app.anonymous()
        .post("/v1/password-resets", json!({ "email": email }))
        .await
        .assert_status(202);
    app.mail_to(email).await.link_token()
}

async fn complete(app: &TestApp, token: &str, password: &str) -> Answer {
    app.anonymous()
        .post(
            "/v1/password-resets/completion",
            json!({ "token": token, "password": password }),
        )
        .await
}

/// OWASP ASVS 6.2.2, 6.2.3, 6.3.7, 7.4.3.
#[tokio::test]
async fn a_change_needs_the_current_password_and_ends_other_sessions() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let elsewhere = session(&app, agent.email()).await;

    let change = async |current: &str| {
        agent
            .put(
                "/v1/me/password",
                json!({ "current_password": current, "new_password": NEW }),
            )
            .await
    };

    change("not the password at all")
        .await
        .assert_problem(401, "invalid_credentials");
    agent
        .put("/v1/me/password", json!({ "new_password": NEW }))
        .await
        .assert_problem(401, "invalid_credentials");
    elsewhere.get("/v1/me").await.assert_status(200);

    change(PASSWORD).await.assert_status(204);
    elsewhere
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    agent.get("/v1/me").await.assert_status(200);
    sign_in(&app, agent.email(), PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    sign_in(&app, agent.email(), NEW).await.assert_status(201);
    assert!(
        app.mail_to(agent.email())
            .await
            .subject
            .contains("password was changed")
    );
}

#[tokio::test]
async fn a_weak_new_password_is_refused() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    for weak in ["tooshort", "passwordpassword", agent.email()] {
        let body = json!({ "current_password": PASSWORD, "new_password": weak });
        let refused = agent.put("/v1/me/password", body).await;
        assert_eq!(
            refused
                .assert_problem(422, "invalid_input")
                .problem()
                .errors,
            ["body/new_password"],
            "{weak}"
        );
    }

    // OWASP ASVS 6.2.5, 6.2.9: any strong password of 15 to 128 characters is accepted.
    let long: String = "kwzvq mxhtp ".chars().cycle().take(120).collect::<String>() + "öäü €✓ 漢";
    for (current, new) in [
        (PASSWORD, "zzyx quorn vlam"),
        ("zzyx quorn vlam", long.as_str()),
    ] {
        agent
            .put(
                "/v1/me/password",
                json!({ "current_password": current, "new_password": new }),
            )
            .await
            .assert_status(204);
    }

    sign_in(&app, agent.email(), &long).await.assert_status(201);
    sign_in(&app, agent.email(), &long[..long.len() - 3])
        .await
        .assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn a_forgotten_password_is_reset_by_mail() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let token = forgotten(&app, agent.email()).await;

    agent.get("/v1/me").await.assert_status(200);
    complete(&app, &token, NEW).await.assert_status(204);
    agent
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    sign_in(&app, agent.email(), PASSWORD)
        .await
        .assert_problem(401, "invalid_credentials");
    sign_in(&app, agent.email(), NEW).await.assert_status(201);
    assert!(
        app.mail_to(agent.email())
            .await
            .subject
            .contains("password was changed")
    );
}

/// OWASP ASVS 6.4.1, 6.5.1, 6.5.5: a token works once, for ten minutes, and until another token was
/// used.
#[tokio::test]
async fn a_reset_token_works_once_and_for_ten_minutes() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let agent = app.actor(Agent).await;
    let late = forgotten(&app, agent.email()).await;

    clock.advance(Duration::minutes(10));
    complete(&app, &late, NEW)
        .await
        .assert_problem(422, "invalid_token");

    let (one, other) = (
        forgotten(&app, agent.email()).await,
        forgotten(&app, agent.email()).await,
    );
    complete(&app, &one, "short")
        .await
        .assert_problem(422, "invalid_input");
    complete(&app, &one, NEW).await.assert_status(204);
    for used in [&one, &other] {
        complete(&app, used, NEW)
            .await
            .assert_problem(422, "invalid_token");
    }
}

/// OWASP ASVS 6.3.8: the response does not reveal who has an account.
#[tokio::test]
async fn a_reset_is_answered_alike_with_and_without_an_account() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let ask = async |email: &str| {
        app.anonymous()
            .post("/v1/password-resets", json!({ "email": email }))
            .await
    };

    let (known, unknown) = (ask(agent.email()).await, ask("unknown@example.org").await);
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    assert!(
        app.mail_to("unknown@example.org")
            .await
            .subject
            .contains("no account")
    );

    // The database did the same for both: it wrote one row each.
    let rows = app
        .owner()
        .await
        .run("SELECT count(DISTINCT user_id) FROM password_resets", [])
        .await
        .unwrap();

    assert_eq!(rows[0].get::<i64>(0).unwrap(), 2);
}

#[tokio::test]
async fn a_deactivated_account_cannot_be_reset() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let token = forgotten(&app, agent.email()).await;

    app.owner()
        .await
        .run(
            "UPDATE users SET active = false WHERE id = $1",
            [agent.user().uuid().into()],
        )
        .await
        .unwrap();

    complete(&app, &token, NEW)
        .await
        .assert_problem(422, "invalid_token");
}
