//! `/v1/me/external-authorizations`, `/v1/me/external-identities`,
//! `/v1/me/external-identities/{id}`.

use futures_util::future::join_all;
use mainstay::{
    access::BuiltInRole::Agent,
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{OpenIdProvider, PASSWORD, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::authenticators::{Device, add_passkey, request_options, sign_in_by_passkey};
use crate::external::{
    ACME, begin_link, callback, link, person, sign_in, signed_in, start, text, through, user_of,
};

const IDENTITIES: &str = "/v1/me/external-identities";

/// Claims of a person who has just authenticated at the provider.
fn fresh(app: &TestApp, subject: &str) -> Value {
    let mut claims = person(subject);
    claims["auth_time"] = app.runtime().clock.now().unix_timestamp().into();
    claims
}

/// OWASP ASVS 6.3.7: the account's owner is notified.
#[tokio::test]
async fn an_identity_is_linked_used_and_unlinked() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let agent = app.actor(Agent).await;
    let linked = link(&agent, &provider, person("ada")).await;
    let identity = linked.assert_status(201).json();

    assert_eq!(
        linked.location(),
        format!("{IDENTITIES}/{}", text(&identity["id"]))
    );
    assert_eq!(
        (&identity["provider"], &identity["issuer"]),
        (&json!(ACME), &json!(provider.issuer()))
    );
    assert_eq!(
        app.mail_to(agent.email()).await.subject,
        "A way to sign in was added"
    );

    let ada = signed_in(&app, &sign_in(&app, &provider, person("ada")).await);
    assert_eq!(user_of(&ada).await, agent.user().to_string());

    let listed = agent.get(IDENTITIES).await.assert_status(200).json();
    assert_eq!(listed["items"][0]["id"], identity["id"]);

    agent.delete(&linked.location()).await.assert_status(204);
    assert_eq!(
        app.mail_to(agent.email()).await.subject,
        "A way to sign in was removed"
    );
    ada.get("/v1/me")
        .await
        .assert_problem(401, "unauthenticated");
    agent.get("/v1/me").await.assert_status(200);
    agent
        .delete(&linked.location())
        .await
        .assert_problem(404, "not_found");

    // A sign-in with this identity is now a new person.
    let newcomer = signed_in(&app, &sign_in(&app, &provider, person("ada")).await);
    assert_ne!(user_of(&newcomer).await, agent.user().to_string());
}

#[tokio::test]
async fn linking_and_unlinking_require_a_step_up() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let provider = OpenIdProvider::start(clock.clone()).await;
    let settings = json!([provider.settings(ACME)]).to_string();
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let builder = builder.setting("identity.access_token_lifetime", "30m");
    let app = builder
        .setting("identity.oidc_providers", settings)
        .start()
        .await;

    let agent = app.actor(Agent).await;
    let path = link(&agent, &provider, person("ada"))
        .await
        .assert_status(201)
        .location();
    let started = begin_link(&agent, ACME).await;
    let body = callback(&started, &through(&provider, &started, person("bob")));

    clock.advance(Duration::minutes(10) + Duration::SECOND);

    for answer in [
        agent
            .post(
                "/v1/me/external-authorizations",
                json!({ "provider": ACME }),
            )
            .await,
        agent.post(IDENTITIES, body).await,
        agent.delete(&path).await,
    ] {
        answer.assert_problem(401, "step_up_required");
    }

    agent.get(IDENTITIES).await.assert_status(200);
}

#[tokio::test]
async fn an_identity_belongs_to_one_account() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let (one, other) = (app.actor(Agent).await, app.actor(Agent).await);
    let path = link(&one, &provider, person("ada"))
        .await
        .assert_status(201)
        .location();

    link(&other, &provider, person("ada"))
        .await
        .assert_problem(409, "identity_taken");
    link(&one, &provider, person("ada"))
        .await
        .assert_problem(409, "identity_taken");
    other.delete(&path).await.assert_problem(404, "not_found");
    assert_eq!(other.get(IDENTITIES).await.json()["items"], json!([]));
}

#[tokio::test]
async fn the_last_way_to_sign_in_cannot_be_removed() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let ada = signed_in(&app, &sign_in(&app, &provider, fresh(&app, "ada")).await);
    let id = ada.get(IDENTITIES).await.json()["items"][0]["id"].clone();
    let first = format!("{IDENTITIES}/{}", text(&id));

    ada.delete(&first)
        .await
        .assert_problem(409, "last_way_to_sign_in");

    let second = link(&ada, &provider, person("ada-too"))
        .await
        .assert_status(201)
        .location();
    ada.delete(&first).await.assert_status(204);
    ada.delete(&second)
        .await
        .assert_problem(409, "last_way_to_sign_in");

    // A password is another way to sign in.
    let agent = app.actor(Agent).await;
    let only = link(&agent, &provider, person("bob"))
        .await
        .assert_status(201)
        .location();

    agent.delete(&only).await.assert_status(204);

    let credentials = json!({ "email": agent.email(), "password": PASSWORD });
    app.anonymous()
        .post("/v1/sessions", credentials)
        .await
        .assert_status(201);
}

#[tokio::test]
async fn a_passkey_counts_as_a_way_to_sign_in() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let ada = signed_in(&app, &sign_in(&app, &provider, fresh(&app, "ada")).await);
    let mut device = Device::default();
    let passkey = format!(
        "/v1/me/passkeys/{}",
        text(&add_passkey(&ada, &mut device).await["id"])
    );

    let answer = device.answer(&request_options(&app).await).await;
    let ada = signed_in(&app, &sign_in_by_passkey(&app, &answer).await);
    let listed = ada.get(IDENTITIES).await.json();

    ada.delete(&format!("{IDENTITIES}/{}", text(&listed["items"][0]["id"])))
        .await
        .assert_status(204);
    ada.delete(&passkey)
        .await
        .assert_problem(409, "last_way_to_sign_in");
    link(&ada, &provider, person("ada"))
        .await
        .assert_status(201);
    ada.delete(&passkey).await.assert_status(204);
    ada.delete(&passkey).await.assert_problem(404, "not_found");
}

/// OWASP ASVS 15.4.2: a check still holds when the change is written.
#[tokio::test]
async fn concurrent_unlinking_leaves_one_identity() {
    let provider = OpenIdProvider::start(Clock::default()).await;
    let app = start(&provider).await;
    let ada = signed_in(&app, &sign_in(&app, &provider, fresh(&app, "ada")).await);

    for number in 0..7 {
        link(&ada, &provider, person(&format!("ada-{number}")))
            .await
            .assert_status(201);
    }

    let listed = ada.get(IDENTITIES).await.json();
    let paths: Vec<_> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{IDENTITIES}/{}", text(&it["id"])))
        .collect();

    assert_eq!(paths.len(), 8);

    let answers = join_all(paths.iter().map(|path| ada.delete(path))).await;
    let gone = answers.iter().filter(|answer| answer.status == 204).count();
    assert_eq!(
        gone,
        7,
        "{:?}",
        answers
            .iter()
            .map(|answer| answer.status)
            .collect::<Vec<_>>()
    );

    assert_eq!(
        ada.get(IDENTITIES).await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
