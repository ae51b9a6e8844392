//! `POST /v1/mailed-links/inspection`: the purpose of a link, before it is used.

use mainstay::access::BuiltInRole::{Agent, Owner};
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::{Value, json};

use crate::{authenticators::enrol, start};

const PASSPHRASE: &str = "violets tumble over granite";

async fn inspected(app: &TestApp, token: &str) -> Option<Value> {
    let answer = app
        .anonymous()
        .post("/v1/mailed-links/inspection", json!({ "token": token }))
        .await;
    if answer.status == 200 {
        return Some(answer.json());
    }
    answer.assert_problem(422, "invalid_token");
    None
}

#[tokio::test]
async fn a_sign_up_link_can_be_inspected_until_it_is_used() {
    let app = start().await;
    let email = "new@example.org";
    app.anonymous()
        .post(
            "/v1/sign-ups",
            json!({ "email": email, "password": PASSPHRASE }),
        )
        .await
        .assert_status(202);

    let token = app.mail_to(email).await.link_token();
    let expected = json!({ "purpose": "sign_up", "email": email, "organization": null, "second_factor": false });
    assert_eq!(inspected(&app, &token).await, Some(expected.clone()));
    assert_eq!(
        inspected(&app, &token).await,
        Some(expected),
        "an inspection does not use up the link"
    );

    let body = json!({ "token": token, "password": PASSPHRASE });
    app.anonymous()
        .post("/v1/sign-ups/confirmation", body)
        .await
        .assert_status(204);
    assert_eq!(inspected(&app, &token).await, None);
}

#[tokio::test]
async fn a_reset_link_shows_whether_there_is_a_second_factor() {
    let app = start().await;
    let (plain, enrolled) = (app.actor(Agent).await, app.actor(Agent).await);
    enrol(&app, &enrolled).await;

    for (actor, second_factor) in [(&plain, false), (&enrolled, true)] {
        app.anonymous()
            .post("/v1/password-resets", json!({ "email": actor.email() }))
            .await
            .assert_status(202);

        let mut mail = app.mail_to(actor.email()).await;
        while mail.subject != "Choose a new password" {
            mail = app.mail_to(actor.email()).await;
        }

        let token = mail.link_token();
        let inspection = inspected(&app, &token).await.expect("the link is valid");
        assert_eq!(
            (&inspection["purpose"], &inspection["email"]),
            (&json!("password_reset"), &json!(actor.email()))
        );
        assert_eq!(inspection["second_factor"], second_factor);

        let body = json!({ "token": token, "password": PASSPHRASE });
        app.anonymous()
            .post("/v1/password-resets/completion", body)
            .await
            .assert_status(204);
        assert_eq!(inspected(&app, &token).await, None);
    }
}

#[tokio::test]
async fn an_invitation_names_the_organization_until_it_is_accepted() {
    let app = start().await;
    let (owner, email) = (app.actor(Owner).await, "invited@example.org");
    owner
        .post(
            "/v1/invitations",
            json!({ "email": email, "role": "agent" }),
        )
        .await
        .assert_status(201);

    let token = app.mail_to(email).await.link_token();
    let inspection = inspected(&app, &token).await.expect("the link is valid");
    assert_eq!(
        (&inspection["purpose"], &inspection["email"]),
        (&json!("invitation"), &json!(email))
    );
    assert_eq!(inspection["organization"], "Home");

    let body = json!({ "token": token, "password": PASSPHRASE });
    app.anonymous()
        .post("/v1/invitations/sign-up", body)
        .await
        .assert_status(201);
    assert_eq!(inspected(&app, &token).await, None);
}

#[tokio::test]
async fn a_link_to_change_an_address_shows_no_address() {
    let app = start().await;
    let (agent, new) = (app.actor(Agent).await, "changed@example.org");
    agent
        .put("/v1/me/email", json!({ "email": new }))
        .await
        .assert_status(202);
    let inspection = inspected(&app, &app.mail_to(new).await.link_token())
        .await
        .expect("the link is valid");
    let expected = json!({ "purpose": "email_change", "email": null, "organization": null, "second_factor": false });
    assert_eq!(inspection, expected);
}

#[tokio::test]
async fn an_unknown_link_is_invalid() {
    let app = start().await;
    for token in ["x", "mpr_x", "msu_", "min_AAAA", "mec_AAAA", PASSWORD] {
        assert_eq!(inspected(&app, token).await, None, "{token}");
    }
    app.anonymous()
        .post("/v1/mailed-links/inspection", json!({ "token": "" }))
        .await
        .assert_status(422);
}
