//! Passwords that may be short because of a second factor, and only as long as it exists.

use mainstay::{
    access::BuiltInRole::Agent,
    database::{Origin, Sql},
    identity::reset_second_factors,
    kernel::{Clock, Timestamp, Uuid},
};
use mainstay_testing::{Actor, Answer, PASSWORD, TestApp};
use serde_json::json;
use time::Duration;

use crate::authenticators::{App, Device, add_passkey, enrol};

/// Long enough only with a second factor.
const SHORT: &str = "xK9#mQ2$vL";
const LONG: &str = "violets tumble over granite";

async fn start() -> (TestApp, Clock) {
    let clock =
        Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000) + Duration::seconds(15));
    (
        TestApp::builder(fixture::platform())
            .clock(clock.clone())
            .start()
            .await,
        clock,
    )
}

async fn change(by: &Actor, current: &str, new: &str) -> Answer {
    by.put(
        "/v1/me/password",
        json!({ "current_password": current, "new_password": new }),
    )
    .await
}

async fn sign_in(app: &TestApp, by: &Actor, password: &str, code: Option<&str>) -> Answer {
    let body = json!({ "email": by.email(), "password": password, "code": code });
    app.anonymous().post("/v1/sessions", body).await
}

/// Resets the factors of an account, as an operator does.
async fn reset_factors(app: &TestApp, of: &Actor) {
    let origin = Origin {
        request: Uuid::nil(),
        operation: "user_reset_second_factors",
        address: None,
    };

    let operator = Sql::unlimited(
        "the test replaces the command",
        app.database(),
        origin,
        None,
    );

    assert!(reset_second_factors(&operator, of.user()).await.unwrap());
}

#[tokio::test]
async fn the_last_factor_cannot_be_removed_while_the_password_is_short() {
    let (app, _) = start().await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());
    enrol(&app, &agent).await;

    let passkey = add_passkey(&agent, &mut device).await;
    let passkey = format!("/v1/me/passkeys/{}", passkey["id"].as_str().unwrap());
    change(&agent, PASSWORD, SHORT).await.assert_status(204);

    // Either of two factors may be removed.
    agent.delete("/v1/me/totp").await.assert_status(204);
    agent
        .delete(&passkey)
        .await
        .assert_problem(409, "password_too_short");

    enrol(&app, &agent).await;
    agent.delete(&passkey).await.assert_status(204);
    agent
        .delete("/v1/me/totp")
        .await
        .assert_problem(409, "password_too_short");
    assert_eq!(agent.get("/v1/me").await.json()["second_factor"], true);

    change(&agent, SHORT, LONG).await.assert_status(204);
    agent.delete("/v1/me/totp").await.assert_status(204);
    agent
        .delete("/v1/me/totp")
        .await
        .assert_problem(404, "not_found");
    sign_in(&app, &agent, LONG, None).await.assert_status(201);
}

#[tokio::test]
async fn a_short_password_does_not_sign_in_once_an_operator_has_reset_the_factors() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let (totp, _) = enrol(&app, &agent).await;

    change(&agent, PASSWORD, SHORT).await.assert_status(204);

    clock.advance(Duration::seconds(60));
    sign_in(&app, &agent, SHORT, Some(&totp.code(clock.now())))
        .await
        .assert_status(201);

    reset_factors(&app, &agent).await;
    sign_in(&app, &agent, "xK9#mQ2$vM", None)
        .await
        .assert_problem(401, "invalid_credentials");
    sign_in(&app, &agent, SHORT, None)
        .await
        .assert_problem(403, "password_replacement_required");
    app.anonymous()
        .post("/v1/password-resets", json!({ "email": agent.email() }))
        .await
        .assert_status(202);

    let token = reset_token(&app, &agent).await;
    let complete = async |password: &str| {
        let body = json!({ "token": token, "password": password });
        app.anonymous()
            .post("/v1/password-resets/completion", body)
            .await
    };

    complete(SHORT).await.assert_problem(422, "invalid_input");
    complete(LONG).await.assert_status(204);
    sign_in(&app, &agent, LONG, None).await.assert_status(201);
}

async fn reset_token(app: &TestApp, of: &Actor) -> String {
    app.until_idle().await;
    let mail = app
        .mailbox()
        .await
        .into_iter()
        .rfind(|mail| mail.to == of.email() && mail.text.contains("mpr_"));
    mail.expect("the link was mailed").link_token()
}

/// The length of a password from before the rule is known at the next sign-in.
#[tokio::test]
async fn an_old_password_that_is_long_is_accepted() {
    const UNKNOWN: &str = "UPDATE mainstay.users SET password_alone = false WHERE id = $1";

    let (app, _) = start().await;
    let agent = app.actor(Agent).await;
    app.owner()
        .await
        .run(UNKNOWN, [agent.user().uuid().into()])
        .await
        .unwrap();

    sign_in(&app, &agent, PASSWORD, None)
        .await
        .assert_status(201);

    let known = "SELECT password_alone FROM mainstay.users WHERE id = $1";
    let rows = app
        .owner()
        .await
        .run(known, [agent.user().uuid().into()])
        .await
        .unwrap();

    assert!(rows[0].get::<bool>(0).unwrap());
}

/// The e-mail about a new password lists the API keys that still work.
#[tokio::test]
async fn mail_about_a_new_password_lists_the_keys_that_still_work() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let made = agent
        .post("/v1/api-keys", json!({ "name": "nightly export" }))
        .await
        .assert_status(201)
        .location();

    agent
        .post("/v1/api-keys", json!({ "name": "left <alone>" }))
        .await
        .assert_status(201);
    change(&agent, PASSWORD, LONG).await.assert_status(204);

    let text = newest_mail(&app, &agent, 1).await;
    assert!(
        text.contains("\u{201c}left <alone>\u{201d}, \u{201c}nightly export\u{201d}"),
        "{text}"
    );

    clock.advance(Duration::SECOND);
    agent.delete(&made).await.assert_status(204);
    app.anonymous()
        .post("/v1/password-resets", json!({ "email": agent.email() }))
        .await
        .assert_status(202);

    let body = json!({ "token": reset_token(&app, &agent).await, "password": PASSWORD });
    app.anonymous()
        .post("/v1/password-resets/completion", body)
        .await
        .assert_status(204);

    let text = newest_mail(&app, &agent, 2).await;
    assert!(
        text.contains("\u{201c}left <alone>\u{201d}") && !text.contains("nightly export"),
        "{text}"
    );
}

/// Waits for this many e-mails about a new password, and returns the newest text.
async fn newest_mail(app: &TestApp, agent: &Actor, letters: usize) -> String {
    app.until_idle().await;
    let about = |mail: &mainstay_testing::Message| {
        mail.to == agent.email() && mail.subject == "Your password was changed"
    };
    let mail: Vec<_> = app.mailbox().await.into_iter().filter(about).collect();
    assert_eq!(mail.len(), letters);
    mail.into_iter().next().map(|newest| newest.text).unwrap()
}

/// When the factor is removed while a short password is set, one of the two is refused.
#[tokio::test]
async fn a_short_password_and_the_removal_of_the_factor_exclude_each_other() {
    let (app, clock) = start().await;
    let agent = app.actor(Agent).await;
    let totp = App::of(
        &agent
            .post("/v1/me/totp", json!({}))
            .await
            .assert_status(201)
            .json(),
    );

    let confirmed = agent
        .post(
            "/v1/me/totp/confirmation",
            json!({ "code": totp.code(clock.now()) }),
        )
        .await;

    confirmed.assert_status(200);

    let (changed, removed) =
        futures_util::future::join(change(&agent, PASSWORD, SHORT), agent.delete("/v1/me/totp"))
            .await;
    let statuses = [changed.status.as_u16(), removed.status.as_u16()];

    assert!(
        [[401, 204], [422, 204], [204, 409]].contains(&statuses),
        "{statuses:?}"
    );
}
