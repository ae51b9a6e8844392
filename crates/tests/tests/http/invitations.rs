//! `/v1/invitations`, and how they are accepted.

use futures_util::future::join;
use mainstay::{
    access::BuiltInRole::{Agent, Manager, Owner},
    kernel::{Clock, Timestamp},
};
use mainstay_testing::{Answer, Client, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::{
    people::{member_path, member_with, promote, recorded, sign_in},
    start,
};

const STRONG: &str = "violets tumble over granite";
const ADA: &str = "ada@example.org";

/// Sends an invitation and returns the mailed token.
async fn invite(app: &TestApp, by: &Client, email: &str, role: &str) -> String {
    by.post("/v1/invitations", json!({ "email": email, "role": role }))
        .await
        .assert_status(201);
    app.mail_to(email).await.link_token()
}

async fn accept(by: &Client, token: &str) -> Answer {
    by.post("/v1/invitations/acceptance", json!({ "token": token }))
        .await
}

async fn sign_up(app: &TestApp, token: &str, password: &str) -> Answer {
    app.anonymous()
        .post(
            "/v1/invitations/sign-up",
            json!({ "token": token, "password": password }),
        )
        .await
}

#[tokio::test]
async fn a_person_without_an_account_signs_up_by_invitation() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let token = invite(&app, &owner, ADA, "auditor").await;
    let weak = sign_up(&app, &token, "ada@example.org").await;

    assert_eq!(
        weak.assert_problem(422, "invalid_input").problem().errors,
        ["body/password"]
    );

    let made = sign_up(&app, &token, STRONG)
        .await
        .assert_status(201)
        .json();
    assert_eq!(made["organization_id"], json!(owner.organization()));

    let ada = sign_in(&app, ADA, STRONG).await;
    let me = ada.get("/v1/me").await.json();
    assert_eq!(
        (&me["user_id"], &me["role"], &me["email"]),
        (&made["user_id"], &json!("auditor"), &json!(ADA))
    );
    ada.get("/v1/audit/events").await.assert_status(200);

    // OWASP ASVS 6.5.1: once.
    sign_up(&app, &token, STRONG)
        .await
        .assert_problem(422, "invalid_token");
    accept(&ada, &token)
        .await
        .assert_problem(422, "invalid_token");
    assert_eq!(
        owner.get("/v1/invitations").await.json()["items"],
        json!([])
    );
}

#[tokio::test]
async fn a_person_with_an_account_joins_by_invitation() {
    let app = start().await;
    let (owner, guest) = (app.actor(Owner).await, app.stranger(Agent).await);

    // The e-mail goes to the account's own spelling of the address.
    let spelled = json!({ "email": guest.email().to_uppercase(), "role": "manager" });
    owner
        .post("/v1/invitations", spelled)
        .await
        .assert_status(201);

    let token = app.mail_to(guest.email()).await.link_token();
    sign_up(&app, &token, STRONG)
        .await
        .assert_problem(409, "account_exists");

    let joined = accept(&guest, &token).await.assert_status(200).json();
    assert_eq!(
        (&joined["name"], &joined["role"]),
        (&json!("Home"), &json!("manager"))
    );
    accept(&guest, &token)
        .await
        .assert_problem(422, "invalid_token");

    let switch = json!({ "organization_id": joined["organization_id"] });
    guest
        .put("/v1/sessions/current/organization", switch)
        .await
        .assert_status(204);
    guest.get("/v1/members").await.assert_status(200);

    let (resource, _, after) = recorded(&app, "membership_created").await;
    assert_eq!(
        (resource, after),
        (guest.user().to_string(), json!({ "role": "manager" }))
    );

    let token = invite(&app, &owner, guest.email(), "agent").await;
    accept(&guest, &token)
        .await
        .assert_problem(409, "already_a_member");
}

/// A forwarded or stolen token does not work for another account.
#[tokio::test]
async fn an_invitation_works_for_its_address_only() {
    let app = start().await;
    let (owner, thief) = (app.actor(Owner).await, app.stranger(Agent).await);
    let token = invite(&app, &owner, ADA, "owner").await;
    accept(&thief, &token)
        .await
        .assert_problem(403, "invitation_of_another");
    let (resource, ..) = recorded(&app, "authz_fail").await;
    let listed = owner.get("/v1/invitations").await.json();
    assert_eq!(listed["items"][0]["id"], resource);
    sign_up(&app, &token, STRONG).await.assert_status(201);
}

/// OWASP ASVS 6.5.5: seven days.
#[tokio::test]
async fn an_invitation_expires() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let owner = app.actor(Owner).await;
    let (late, in_time) = (
        invite(&app, &owner, ADA, "agent").await,
        invite(&app, &owner, "bea@example.org", "agent").await,
    );

    clock.advance(Duration::days(7) - Duration::SECOND);
    sign_up(&app, &in_time, STRONG).await.assert_status(201);

    clock.advance(Duration::SECOND);
    sign_up(&app, &late, STRONG)
        .await
        .assert_problem(422, "invalid_token");
}

#[tokio::test]
async fn the_newest_invitation_to_an_address_replaces_the_others() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let (first, second) = (
        invite(&app, &owner, ADA, "manager").await,
        invite(&app, &owner, ADA, "agent").await,
    );
    let listed = owner.get("/v1/invitations").await.json();

    let items = listed["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["role"], &items[0]["email"]),
        (1, &json!("agent"), &json!("a***@example.org"))
    );
    sign_up(&app, &first, STRONG)
        .await
        .assert_problem(422, "invalid_token");
    sign_up(&app, &second, STRONG).await.assert_status(201);

    let keys = "SELECT count(*) FROM data_keys WHERE organization_id = $1";
    let rows = app
        .owner()
        .await
        .run(keys, [owner.organization().uuid().into()])
        .await
        .unwrap();

    assert_eq!(
        rows[0].get::<i64>(0).unwrap(),
        0,
        "deleted invitations have keys"
    );
}

#[tokio::test]
async fn a_withdrawn_invitation_is_invalid() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = owner
        .post("/v1/invitations", json!({ "email": ADA, "role": "agent" }))
        .await
        .location();
    let token = app.mail_to(ADA).await.link_token();

    owner.get(&path).await.assert_status(200);
    owner.delete(&path).await.assert_status(204);
    owner.get(&path).await.assert_problem(404, "not_found");
    sign_up(&app, &token, STRONG)
        .await
        .assert_problem(422, "invalid_token");
}

/// A removed administrator's invitations are no way back in.
#[tokio::test]
async fn an_invitation_ends_with_its_inviters_permissions() {
    let app = start().await;
    let (owner, manager) = (app.actor(Owner).await, app.actor(Manager).await);
    let token = invite(&app, &manager, ADA, "manager").await;

    promote(&owner, &manager, "agent").await;
    sign_up(&app, &token, STRONG)
        .await
        .assert_problem(422, "invalid_token");

    promote(&owner, &manager, "manager").await;
    owner
        .delete(&member_path(&manager))
        .await
        .assert_status(204);
    sign_up(&app, &token, STRONG)
        .await
        .assert_problem(422, "invalid_token");
}

/// The role gains permissions before the invitation is accepted.
#[tokio::test]
async fn a_role_that_exceeds_its_inviter_is_not_granted() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let keeper = member_with(
        &app,
        &owner,
        "keeper",
        &["customers.read", "members.manage"],
    )
    .await;

    let small = json!({ "name": "small", "permissions": ["customers.read"] });
    let small = owner
        .post("/v1/roles", small)
        .await
        .assert_status(201)
        .location();

    let token = invite(&app, &keeper, ADA, "small").await;
    let wider = json!({ "permissions": ["customers.read", "customers.delete"] });
    owner.patch(&small, wider).await.assert_status(200);
    sign_up(&app, &token, STRONG)
        .await
        .assert_problem(422, "invalid_token");
    owner
        .patch(&small, json!({ "permissions": ["customers.read"] }))
        .await
        .assert_status(200);
    sign_up(&app, &token, STRONG).await.assert_status(201);
}

/// OWASP ASVS 6.3.8: an invitation does not reveal to its sender who has an account.
#[tokio::test]
async fn an_invitation_does_not_reveal_who_has_an_account() {
    let app = start().await;
    let (owner, known) = (app.actor(Owner).await, app.stranger(Agent).await);
    let ask = async |email: &str| {
        owner
            .post(
                "/v1/invitations",
                json!({ "email": email, "role": "agent" }),
            )
            .await
    };

    let (one, other) = (ask(known.email()).await, ask(ADA).await);

    let members = |answer: &Answer| {
        answer
            .json()
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };

    assert_eq!((one.status, members(&one)), (other.status, members(&other)));

    let (one, other) = (app.mail_to(known.email()).await, app.mail_to(ADA).await);
    let without_token = |text: &str, token: String| text.replace(&token, "");
    assert_eq!(
        without_token(&one.text, one.link_token()),
        without_token(&other.text, other.link_token())
    );
}

/// All invalid tokens get the same response.
#[tokio::test]
async fn invalid_tokens_are_indistinguishable() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let used = invite(&app, &owner, ADA, "agent").await;

    sign_up(&app, &used, STRONG).await.assert_status(201);

    let shown = |answer: Answer| -> Value {
        let mut body = answer.json();
        body["request_id"] = json!(null);
        body
    };

    let unknown = "min_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let answers = [
        used.as_str(),
        unknown,
        "x",
        "min_",
        &used.to_uppercase(),
        &format!("{used} "),
    ]
    .map(str::to_owned);

    for token in answers {
        let (one, other) = (
            sign_up(&app, &token, STRONG).await,
            accept(&owner, &token).await,
        );
        one.assert_problem(422, "invalid_token");
        assert_eq!(shown(one), shown(other), "{token}");
    }
}

#[tokio::test]
async fn a_token_used_twice_at_once_succeeds_once() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let token = invite(&app, &owner, ADA, "agent").await;
    let (one, other) = join(sign_up(&app, &token, STRONG), sign_up(&app, &token, STRONG)).await;
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];

    statuses.sort_unstable();
    assert!([[201, 409], [201, 422]].contains(&statuses), "{statuses:?}");

    let guest = app.stranger(Agent).await;
    let token = invite(&app, &owner, guest.email(), "agent").await;
    let (one, other) = join(accept(&guest, &token), accept(&guest, &token)).await;
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];

    statuses.sort_unstable();
    assert!([[200, 409], [200, 422]].contains(&statuses), "{statuses:?}");
}

/// OWASP ASVS 14.2.4: neither the invited address nor the token is readable in the database.
#[tokio::test]
async fn an_invitation_is_sealed_at_rest() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let token = invite(&app, &owner, "canary@example.org", "agent").await;
    let dump = r"
        SELECT t::text
        FROM invitations t
        UNION ALL
        SELECT t::text
        FROM jobs t
        UNION ALL
        SELECT t::text
        FROM audit_events t
        UNION ALL
        SELECT t::text
        FROM throttles t
    ";
    let rows = app.owner().await.run(dump, []).await.unwrap();
    let dump: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();

    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };

    for secret in ["canary", &hex("canary"), &token, &hex(&token)] {
        assert!(dump.iter().all(|row| !row.contains(secret)), "{secret}");
    }
}

/// Unrequested mail is limited.
#[tokio::test]
async fn invitations_to_one_address_are_limited() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let ask = || owner.post("/v1/invitations", json!({ "email": ADA, "role": "agent" }));
    for _ in 0..11 {
        ask().await.assert_status(201);
    }
    let refused = ask().await;
    refused.assert_problem(429, "too_many_attempts");
    assert!(!refused.header("retry-after").is_empty());
}

#[tokio::test]
async fn an_address_that_no_mail_reaches_is_not_invited() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let refused = owner
        .post(
            "/v1/invitations",
            json!({ "email": "a@b@c", "role": "agent" }),
        )
        .await;

    refused.assert_problem(422, "invalid_input");

    let refused = owner
        .post(
            "/v1/invitations",
            json!({ "email": "\"a\"@[not-an-ip]", "role": "agent" }),
        )
        .await;

    assert_eq!(
        refused
            .assert_problem(422, "invalid_input")
            .problem()
            .errors,
        ["body/email"]
    );
}
