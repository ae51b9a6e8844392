//! Every operation that changes the permissions of others requires a step-up or a scope that names
//! the permission (OWASP ASVS 7.5.3). The operations come from the access matrix.

use mainstay::{
    access::BuiltInRole::Owner,
    kernel::{Clock, Timestamp},
};
use mainstay_http::{AccessRow, Method, Requirement, access_matrix};
use mainstay_testing::{Answer, Client, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::start;

/// Every operation with an administrative permission that changes data, and the permission.
fn administrative() -> Vec<(AccessRow, &'static str)> {
    let rows = access_matrix(fixture::platform().modules());
    let found: Vec<_> = rows
        .into_iter()
        .filter(|row| row.method != "GET")
        .filter_map(|row| match row.requirement {
            Requirement::Permission(needed) if needed.administrative => Some((row, needed.name)),
            _ => None,
        })
        .collect();

    assert!(found.len() >= 20, "found only {} operations", found.len());

    found
}

/// Calls an operation on a missing row with an invalid body, so that only the policy decides.
async fn call(client: &Client, row: &AccessRow) -> Answer {
    const NO_ROW: &str = "018f3b6c-0000-7000-8000-000000000000";

    let segments = row.path.split('/').map(|segment| {
        if segment.starts_with('{') {
            NO_ROW
        } else {
            segment
        }
    });

    let path = segments.collect::<Vec<_>>().join("/");
    let method: Method = row.method.parse().unwrap();

    client
        .request(method, &path)
        .header("content-type", "text/plain")
        .body("x")
        .send()
        .await
}

async fn key(app: &TestApp, by: &Client, body: Value) -> Client {
    let made = by
        .post("/v1/api-keys", body)
        .await
        .assert_status(201)
        .json();
    app.anonymous().with_token(made["key"].as_str().unwrap())
}

#[test]
fn every_operation_that_changes_permissions_requires_a_step_up() {
    let careless: Vec<_> = access_matrix(fixture::platform().modules())
        .into_iter()
        .filter(AccessRow::is_administered_carelessly)
        .map(|row| row.operation)
        .collect();

    assert_eq!(
        careless,
        Vec::<&str>::new(),
        "use `Fresh<Allowed<…>>` or `FreshOrScoped<…>`"
    );

    // These are administrative because they affect other people's access.
    let names: std::collections::BTreeSet<_> =
        administrative().into_iter().map(|(_, name)| name).collect();

    let expected = [
        "api_keys.manage",
        "members.manage",
        "organization.delete",
        "organization.hand_over",
        "organization.update",
        "roles.manage",
        "service_accounts.manage",
    ];

    assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_session_without_a_step_up_changes_no_permissions() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let builder = TestApp::builder(fixture::platform()).clock(clock.clone());
    let app = builder
        .setting("identity.access_token_lifetime", "30m")
        .start()
        .await;
    let owner = app.actor(Owner).await;

    clock.advance(Duration::minutes(11));

    for (row, _) in administrative() {
        call(&owner, &row)
            .await
            .assert_problem(401, "step_up_required");
    }

    for own in [
        "/v1/invitations/acceptance",
        "/v1/organizations/018f3b6c-0000-7000-8000-000000000000/membership",
    ] {
        let answer = if own.ends_with("membership") {
            owner.delete(own).await
        } else {
            owner.post(own, json!({ "token": "min_x" })).await
        };
        answer.assert_problem(401, "step_up_required");
    }
}

#[tokio::test]
async fn a_key_without_scopes_has_no_administrative_permission() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let sql = key(&app, &owner, json!({ "name": "sql" })).await;

    sql.get("/v1/customers").await.assert_status(200);

    for (row, name) in administrative() {
        call(&sql, &row).await.assert_problem(403, "forbidden");
        assert!(
            !sql.get("/v1/me").await.json()["permissions"]
                .to_string()
                .contains(name),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_key_has_the_administrative_permissions_in_its_scopes_only() {
    let app = start().await;
    let owner = app.actor(Owner).await;

    for (row, name) in administrative() {
        let scoped = key(&app, &owner, json!({ "name": name, "scopes": [name] })).await;
        let answer = call(&scoped, &row).await;
        if row.scoped_machines {
            let status = answer.status.as_u16();
            assert!(
                [404, 415].contains(&status),
                "{}: {}",
                row.operation,
                answer.text()
            );
        } else {
            answer.assert_problem(401, "step_up_required");
        }

        let other = key(
            &app,
            &owner,
            json!({ "name": name, "scopes": ["customers.read"] }),
        )
        .await;

        call(&other, &row).await.assert_problem(403, "forbidden");
    }
}

/// The same holds for tokens of service accounts, whose secret must have the scope too.
#[tokio::test]
async fn a_token_has_an_administrative_permission_if_secret_and_scope_name_it() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let account = owner
        .post(
            "/v1/service-accounts",
            json!({ "name": "joiner", "role": "manager" }),
        )
        .await
        .location();

    let secret = async |body: Value| {
        owner
            .post(&format!("{account}/secrets"), body)
            .await
            .assert_status(201)
            .json()
    };

    let (plain, scoped) = (
        secret(json!({})).await,
        secret(json!({ "scopes": ["members.manage", "customers.read"] })).await,
    );

    let ask = async |secret: &Value, scope: &str| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", secret["client_id"].as_str().unwrap()),
            ("client_secret", secret["client_secret"].as_str().unwrap()),
            ("scope", scope),
        ];
        crate::oauth_support::token(&app, &fields).await
    };

    let permissions = async |tokens: Value| {
        let machine = app
            .anonymous()
            .with_token(tokens["access_token"].as_str().unwrap());
        machine.get("/v1/me").await.assert_status(200).json()["permissions"].clone()
    };

    ask(&plain, "members.manage")
        .await
        .assert_problem(400, "invalid_scope");

    let tokens = ask(&scoped, "members.manage")
        .await
        .assert_status(200)
        .json();
    assert_eq!(permissions(tokens).await, json!(["members.manage"]));
    ask(&scoped, "customers.write")
        .await
        .assert_problem(400, "invalid_scope");

    let tokens = ask(&plain, "customers.write")
        .await
        .assert_status(200)
        .json();
    assert_eq!(permissions(tokens).await, json!(["customers.write"]));
}
