//! A service with a single tenant: its users sign up, sign in and work, and never name an
//! organization.

use mainstay::{
    Platform,
    access::BuiltInRole::{Agent, Owner},
};
use mainstay_http::Method;
use mainstay_testing::{Client, PASSWORD, TestApp};
use serde_json::{Value, json};

fn platform() -> Platform {
    fixture::platform().single_tenant("Acme", Agent)
}

/// Signs up over HTTP, and signs in.
async fn join(app: &TestApp, email: &str) -> Client {
    let anyone = app.anonymous();
    let account = json!({ "email": email, "password": PASSWORD });
    anyone
        .post("/v1/sign-ups", account.clone())
        .await
        .assert_status(202);

    let letter = app.mail_to(email).await;
    let token = letter.link_token();
    let confirmation = json!({ "token": token, "password": PASSWORD });
    anyone
        .post("/v1/sign-ups/confirmation", confirmation)
        .await
        .assert_status(204);

    let session = anyone.post("/v1/sessions", account).await;
    let session = session.assert_status(201).json();
    anyone.with_token(session["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn everyone_who_signs_up_works_in_the_one_organization() {
    let app = TestApp::start(platform()).await;
    let (ada, bea) = (
        join(&app, "ada@example.org").await,
        join(&app, "bea@example.org").await,
    );

    let [ada_is, bea_is] = [
        ada.get("/v1/me").await.assert_status(200).json(),
        bea.get("/v1/me").await.assert_status(200).json(),
    ];
    assert_eq!(ada_is["role"], "agent");
    assert_eq!(ada_is["organization"], bea_is["organization"]);
    assert_eq!(ada_is["organization"]["name"], "Acme");

    let customer = json!({ "full_name": "Cyd", "email": "cyd@example.org" });
    let path = ada.post("/v1/customers", customer).await;
    let path = path.assert_status(201).location();
    bea.get(&path).await.assert_status(200);
}

#[tokio::test]
async fn no_endpoint_creates_lists_switches_or_leaves_organizations() {
    let app = TestApp::start(platform()).await;
    let owner = app.actor(Owner).await;
    let document = app.platform().api().unwrap().document();
    let paths: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    let gone = [
        (Method::GET, "/v1/organizations"),
        (Method::POST, "/v1/organizations"),
        (Method::PUT, "/v1/sessions/current/organization"),
        (Method::DELETE, "/v1/organization"),
    ];

    for (method, path) in gone {
        let answer = owner.request(method.clone(), path).send().await;
        let missing = [404, 405].contains(&answer.status.as_u16());
        assert!(missing, "{method} {path}: {}", answer.status);
    }

    assert!(
        !paths
            .iter()
            .any(|path| path.starts_with("/v1/organizations"))
    );
    let sign_up = &document["paths"]["/v1/sign-ups"]["post"];
    assert!(!sign_up.to_string().contains("organization"), "{sign_up}");

    // The form of the page has no field for it either.
    let page = app.anonymous().get("/account/sign-up").await;
    let page = page.assert_status(200).text();
    assert!(!page.contains("organization"), "{page}");

    // A name of an organization is an unknown field.
    let account = json!({
        "email": "eve@example.org", "password": PASSWORD, "organization_name": "Mine",
    });
    app.anonymous()
        .post("/v1/sign-ups", account)
        .await
        .assert_problem(422, "invalid_input");
}

#[tokio::test]
async fn an_owner_still_invites_people_in_another_role() {
    let app = TestApp::start(platform()).await;
    let owner = app.actor(Owner).await;
    let invited = owner
        .post(
            "/v1/invitations",
            json!({ "email": "cyd@example.org", "role": "manager" }),
        )
        .await;
    invited.assert_status(201);

    let letter = app.mail_to("cyd@example.org").await;
    let accepted = json!({ "token": letter.link_token(), "password": PASSWORD });
    app.anonymous()
        .post("/v1/invitations/sign-up", accepted)
        .await
        .assert_status(201);

    let members = owner.get("/v1/members").await.assert_status(200).json();
    let roles: Vec<&Value> = members["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| &member["role"])
        .collect();
    assert!(roles.contains(&&json!("manager")), "{members}");
}
