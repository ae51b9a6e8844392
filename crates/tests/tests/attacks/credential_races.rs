//! Races between checking a credential and using it: a second request changes the credential in
//! between. Each race runs in both orders. No session outlives the credential that it came from.

use mainstay::{
    access::BuiltInRole::Agent,
    crypto::{Argon2Parameters, PasswordHasher},
    kernel::{Clock, Random, Timestamp},
};
use mainstay_testing::{Actor, Answer, Client, OpenIdProvider, PASSWORD, TestApp};
use serde_json::json;
use time::Duration;

use crate::{
    authenticators::{Device, add_passkey, enrol, request_options, sign_in, sign_in_by_passkey},
    external::{self, ACME, link, person},
    locks::{ACCOUNT, CREDENTIALS, Held},
    oauth,
};

const NEW: &str = "violets tumble over granite";

/// Starts an app with a connection for each waiting request.
async fn start() -> TestApp {
    TestApp::builder(fixture::platform())
        .setting("database.pool_size", "10")
        .start()
        .await
}

async fn change_password(by: &Client) -> Answer {
    by.put(
        "/v1/me/password",
        json!({ "current_password": PASSWORD, "new_password": NEW }),
    )
    .await
}

/// Asserts that a response gave no token, or a revoked one.
async fn assert_dead(app: &TestApp, answer: &Answer) {
    if answer.status != 201 && answer.status != 200 {
        return;
    }

    let token = answer.json()["access_token"]
        .as_str()
        .expect("the response has a token")
        .to_owned();
    app.anonymous()
        .with_token(&token)
        .get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_session_by_the_old_password_does_not_outlive_its_change() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (changed, session) = held
        .in_order(change_password(&agent), sign_in(&app, &agent, None))
        .await;

    changed.assert_status(204);
    session.assert_problem(401, "invalid_credentials");

    let agent = app.actor(Agent).await;
    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (session, changed) = held
        .in_order(sign_in(&app, &agent, None), change_password(&agent))
        .await;

    changed.assert_status(204);
    assert_dead(&app, session.assert_status(201)).await;
    agent.get("/v1/me").await.assert_status(200);
}

async fn reset_token(app: &TestApp, agent: &Actor) -> String {
    app.anonymous()
        .post("/v1/password-resets", json!({ "email": agent.email() }))
        .await
        .assert_status(202);
    app.mail_to(agent.email()).await.link_token()
}

async fn reset(app: &TestApp, token: &str) -> Answer {
    app.anonymous()
        .post(
            "/v1/password-resets/completion",
            json!({ "token": token, "password": NEW }),
        )
        .await
}

#[tokio::test]
async fn a_session_by_the_old_password_does_not_outlive_a_reset() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let token = reset_token(&app, &agent).await;
    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (done, session) = held
        .in_order(reset(&app, &token), sign_in(&app, &agent, None))
        .await;

    done.assert_status(204);
    session.assert_problem(401, "invalid_credentials");

    let agent = app.actor(Agent).await;
    let token = reset_token(&app, &agent).await;
    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (session, done) = held
        .in_order(sign_in(&app, &agent, None), reset(&app, &token))
        .await;

    done.assert_status(204);
    assert_dead(&app, session.assert_status(201)).await;
}

/// Of two reset tokens that are used at the same time, one sets the password, and both are invalid
/// after a change.
#[tokio::test]
async fn one_reset_invalidates_the_others() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let tokens = [
        reset_token(&app, &agent).await,
        reset_token(&app, &agent).await,
    ];
    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;

    let (first, second) = held
        .in_order(reset(&app, &tokens[0]), reset(&app, &tokens[1]))
        .await;
    first.assert_status(204);
    second.assert_problem(422, "invalid_token");

    let agent = app.actor(Agent).await;
    let token = reset_token(&app, &agent).await;
    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (changed, done) = held
        .in_order(change_password(&agent), reset(&app, &token))
        .await;

    changed.assert_status(204);
    done.assert_problem(422, "invalid_token");
}

/// A sign-in rehashes its password, which has been changed in the meantime.
#[tokio::test]
async fn a_rehash_does_not_restore_the_old_password() {
    const REPLACE: &str = "UPDATE users SET password_hash = $2 WHERE id = $1";

    let app = start().await;
    let agent = app.actor(Agent).await;
    let other = Argon2Parameters {
        iterations: 1,
        ..Argon2Parameters::default()
    };
    let hash = PasswordHasher::new(other, 1, 1, Random::default())
        .hash(&PASSWORD.into())
        .await
        .expect("the password is hashed");

    app.owner()
        .await
        .run(REPLACE, [agent.user().uuid().into(), hash.into()])
        .await
        .expect("the hash is replaced");

    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (changed, session) = held
        .in_order(change_password(&agent), sign_in(&app, &agent, None))
        .await;

    changed.assert_status(204);
    session.assert_problem(401, "invalid_credentials");
    sign_in(&app, &agent, None)
        .await
        .assert_problem(401, "invalid_credentials");

    let body = json!({ "email": agent.email(), "password": NEW });
    app.anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_status(201);
}

#[tokio::test]
async fn a_step_up_by_the_old_password_does_not_count() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let step_up = async || {
        agent
            .post(
                "/v1/sessions/current/step-up",
                json!({ "password": PASSWORD }),
            )
            .await
    };

    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (changed, stepped) = held.in_order(change_password(&agent), step_up()).await;
    changed.assert_status(204);
    stepped.assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn a_removed_passkey_gives_no_session() {
    let app = start().await;
    let (agent, mut device) = (app.actor(Agent).await, Device::default());

    for removal_first in [true, false] {
        let path = format!(
            "/v1/me/passkeys/{}",
            add_passkey(&agent, &mut device).await["id"]
                .as_str()
                .expect("the id is present")
        );

        let answer = device.answer(&request_options(&app).await).await;
        // The use of the passkey is recorded; the insert of the session waits.
        let held = Held::row(&app, CREDENTIALS, agent.user().uuid()).await;
        if removal_first {
            let (removed, session) = held
                .in_order(agent.delete(&path), sign_in_by_passkey(&app, &answer))
                .await;
            removed.assert_status(204);
            session.assert_problem(401, "invalid_credentials");
        } else {
            let (session, removed) = held
                .in_order(sign_in_by_passkey(&app, &answer), agent.delete(&path))
                .await;
            removed.assert_status(204);
            assert_dead(&app, session.assert_status(201)).await;
        }
    }
}

#[tokio::test]
async fn a_sign_in_fails_when_the_app_is_added_or_removed() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .setting("database.pool_size", "10");
    let app = app.start().await;
    let agent = app.actor(Agent).await;
    let (totp, _) = enrol(&app, &agent).await;

    clock.advance(Duration::seconds(60));
    let code = totp.code(clock.now());
    let held = Held::row(&app, CREDENTIALS, agent.user().uuid()).await;
    let (removed, session) = held
        .in_order(
            agent.delete("/v1/me/totp"),
            sign_in(&app, &agent, Some(&code)),
        )
        .await;

    removed.assert_status(204);
    session.assert_problem(401, "invalid_credentials");

    // A password alone is not enough once the app is enrolled.
    let pending = agent
        .post("/v1/me/totp", json!({}))
        .await
        .assert_status(201)
        .json();

    let code = crate::authenticators::App::of(&pending).code(clock.now());
    let confirm = async || {
        agent
            .post("/v1/me/totp/confirmation", json!({ "code": code }))
            .await
    };

    let held = Held::row(&app, CREDENTIALS, agent.user().uuid()).await;
    let (confirmed, session) = held.in_order(confirm(), sign_in(&app, &agent, None)).await;
    confirmed.assert_status(200);
    session.assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn an_unlinked_identity_gives_no_session() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let provider = OpenIdProvider::start(clock.clone()).await;
    let builder = TestApp::builder(fixture::platform())
        .clock(clock)
        .setting("database.pool_size", "10");

    let app = builder
        .setting(
            "identity.oidc_providers",
            json!([provider.settings(ACME)]).to_string(),
        )
        .start()
        .await;

    let agent = app.actor(Agent).await;
    let linked = link(&agent, &provider, person("ada"))
        .await
        .assert_status(201)
        .json();
    let path = format!(
        "/v1/me/external-identities/{}",
        linked["id"].as_str().expect("the id is present")
    );

    let held = Held::row(&app, CREDENTIALS, agent.user().uuid()).await;
    let sign_in = external::sign_in(&app, &provider, person("ada"));
    let (unlinked, session) = held.in_order(agent.delete(&path), sign_in).await;

    unlinked.assert_status(204);
    session.assert_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn a_deactivated_account_gives_no_session() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let deactivate = async || agent.post("/v1/me/deactivation", json!({})).await;
    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (session, done) = held
        .in_order(sign_in(&app, &agent, None), deactivate())
        .await;

    done.assert_status(204);

    app.owner()
        .await
        .run(
            "UPDATE users SET active = true WHERE id = $1",
            [agent.user().uuid().into()],
        )
        .await
        .expect("the account is activated");

    assert_dead(&app, session.assert_status(201)).await;
}

/// The deletion of an account also deletes a session that has just started.
#[tokio::test]
async fn an_account_is_deleted_with_a_concurrent_session() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (session, deleted) = held
        .in_order(sign_in(&app, &agent, None), agent.delete("/v1/me"))
        .await;
    deleted.assert_status(204);
    assert_dead(&app, session.assert_status(201)).await;
}

/// For codes of the kept session and of the ended ones.
#[tokio::test]
async fn a_code_does_not_survive_the_end_of_other_sessions() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    oauth::register(&app, "app").await;

    let code = oauth::code(&agent, oauth::request("app")).await;
    agent.delete("/v1/sessions").await.assert_status(204);
    oauth::token(&app, &oauth::exchange("app", &code))
        .await
        .assert_status(400);

    for end_first in [true, false] {
        let code = oauth::code(&agent, oauth::request("app")).await;
        let fields = oauth::exchange("app", &code);
        let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
        let granted = if end_first {
            let (ended, granted) = held
                .in_order(agent.delete("/v1/sessions"), oauth::token(&app, &fields))
                .await;
            ended.assert_status(204);
            granted.assert_status(400);
            granted
        } else {
            let (granted, ended) = held
                .in_order(oauth::token(&app, &fields), agent.delete("/v1/sessions"))
                .await;
            ended.assert_status(204);
            granted.assert_status(200);
            granted
        };

        assert_dead(&app, &granted).await;
    }

    agent.get("/v1/me").await.assert_status(200);
}

#[tokio::test]
async fn a_refresh_does_not_survive_the_end_of_other_sessions() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let other = sign_in(&app, &agent, None).await.assert_status(201).json();
    let refresh = async || {
        let body = json!({ "refresh_token": other["refresh_token"] });
        app.anonymous()
            .post("/v1/sessions/current/refresh", body)
            .await
    };

    let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
    let (ended, refreshed) = held.in_order(agent.delete("/v1/sessions"), refresh()).await;
    ended.assert_status(204);
    refreshed.assert_problem(401, "invalid_refresh_token");
}

/// When the owner ends a stolen session, nothing that it requested meanwhile remains valid.
#[tokio::test]
async fn an_ended_session_leaves_no_credential() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    oauth::register(&app, "app").await;

    let requests = [
        ("/v1/api-keys", json!({ "name": "left behind" })),
        ("/v1/me/totp", json!({})),
        ("/v1/organizations", json!({ "name": "left behind" })),
        (
            "/oauth/authorizations",
            oauth::with(oauth::request("app"), "decision", "allow"),
        ),
    ];

    for (path, body) in requests {
        let stolen = crate::authenticators::signed_in(&app, &sign_in(&app, &agent, None).await);
        let held = Held::row(&app, ACCOUNT, agent.user().uuid()).await;
        let (ended, made) = held
            .in_order(agent.delete("/v1/sessions"), stolen.post(path, body))
            .await;
        ended.assert_status(204);
        made.assert_problem(401, "unauthenticated");
    }

    assert_eq!(agent.get("/v1/api-keys").await.json()["items"], json!([]));
}

/// Both links at once: the address changes once, and the old address is notified.
#[tokio::test]
async fn the_old_address_is_notified_when_both_links_are_used_at_once() {
    const CHANGES: &str = r"
        SELECT FROM email_changes
        WHERE user_id = $1
        FOR UPDATE
    ";

    let app = start().await;
    let agent = app.actor(Agent).await;
    agent
        .put("/v1/me/email", json!({ "email": "new@example.org" }))
        .await
        .assert_status(202);

    let tokens = [
        app.mail_to(agent.email()).await.link_token(),
        app.mail_to("new@example.org").await.link_token(),
    ];

    let confirm = |token: &str| {
        let (client, body) = (app.anonymous(), json!({ "token": token }));
        async move {
            client
                .post("/v1/me/email/confirmation", body)
                .await
                .assert_status(200)
                .json()["applied"]
                == true
        }
    };

    let held = Held::row(&app, CHANGES, agent.user().uuid()).await;
    let (first, second) = held
        .in_order(confirm(&tokens[0]), confirm(&tokens[1]))
        .await;

    assert_eq!([first, second], [false, true]);
    assert!(
        app.mail_to(agent.email())
            .await
            .subject
            .contains("was changed")
    );
    assert_eq!(agent.get("/v1/me").await.json()["email"], "new@example.org");
}
