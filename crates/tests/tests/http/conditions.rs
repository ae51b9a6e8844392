//! Conditional requests (RFC 9110 §13), `HEAD`, and broken percent-encoding.

use mainstay::{
    access::BuiltInRole::{Agent, Owner},
    http::Method,
};
use mainstay_testing::{Actor, Answer};
use serde_json::{Value, json};

use crate::{create, customer, start};

async fn read(by: &Actor, path: &str, known: &[&str]) -> Answer {
    let call = by.request(Method::GET, path);
    known
        .iter()
        .fold(call, |call, tag| call.header("if-none-match", tag))
        .send()
        .await
}

async fn change(by: &Actor, path: &str, upon: &[&str], status: &str) -> Answer {
    let call = by.request(Method::PATCH, path);
    upon.iter()
        .fold(call, |call, tag| call.header("if-match", tag))
        .json(&json!({ "status": status }))
        .send()
        .await
}

/// RFC 9110 §13.1.1: tags are opaque and compared strongly, one of a list is enough.
#[tokio::test]
async fn a_change_applies_to_a_version_in_its_tags_only() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let path = create(&agent, customer("Ada Lovelace", "ada@example.org")).await;

    for stale in [
        "\"01\"",
        "\"+1\"",
        "\"1 \"",
        "\"stale\"",
        "W/\"1\"",
        "\"2\", \"3\"",
        "\"\"",
        "\"1,\"",
    ] {
        if stale == "\"1 \"" {
            change(&agent, &path, &[stale], "active")
                .await
                .assert_problem(400, "malformed_request");
            continue;
        }

        change(&agent, &path, &[stale], "active")
            .await
            .assert_problem(412, "stale_version");
        change(&agent, &path, &["\"9\"", stale], "active")
            .await
            .assert_problem(412, "stale_version");
    }

    for broken in ["1", "stale", "\"1", "\"1\" \"2\"", "*, \"1\""] {
        let refused = change(&agent, &path, &[broken], "active").await;
        assert_eq!(
            refused
                .assert_problem(400, "malformed_request")
                .problem()
                .errors,
            ["header/if-match"]
        );
    }

    assert_eq!(agent.get(&path).await.header("etag"), "\"1\"");

    change(&agent, &path, &["\"9\", \"1\""], "active")
        .await
        .assert_status(200);
    change(&agent, &path, &["\"9\"", "W/\"2\", \"2\""], "blocked")
        .await
        .assert_status(200);
    change(&agent, &path, &["*"], "inactive")
        .await
        .assert_status(200);

    // An empty patch also checks its condition.
    let nothing = agent
        .request(Method::PATCH, &path)
        .header("if-match", "\"1\"")
        .json(&json!({}))
        .send()
        .await;

    nothing.assert_problem(412, "stale_version");

    let owner = app.actor(Owner).await;
    let delete = |tag| owner.request(Method::DELETE, &path).header("if-match", tag);
    delete("\"04\"")
        .send()
        .await
        .assert_problem(412, "stale_version");
    delete("\"7\",\"4\"").send().await.assert_status(204);
    delete("*").send().await.assert_problem(404, "not_found");
}

#[tokio::test]
async fn roles_support_the_same_conditions() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = owner
        .post("/v1/roles", json!({ "name": "support", "permissions": [] }))
        .await
        .location();

    let rename = |tag| {
        owner
            .request(Method::PATCH, &path)
            .header("if-match", tag)
            .json(&json!({ "name": "help" }))
    };

    for stale in ["\"01\"", "W/\"1\"", "\"stale\""] {
        rename(stale)
            .send()
            .await
            .assert_problem(412, "stale_version");
    }

    assert_eq!(
        read(&owner, &path, &["\"1\""])
            .await
            .assert_status(304)
            .header("etag"),
        "\"1\""
    );
    rename("\"8\", \"1\"").send().await.assert_status(200);
    read(&owner, &path, &["\"1\""]).await.assert_status(200);
}

/// RFC 9110 §13.1.2, §15.4.5.
#[tokio::test]
async fn a_client_with_the_current_version_gets_304() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let path = create(&agent, customer("Ada Lovelace", "ada@example.org")).await;

    for known in [
        &["\"1\""][..],
        &["W/\"1\""],
        &["*"],
        &["\"a\", W/\"1\""],
        &["\"a\"", "\"1\""],
    ] {
        let answer = read(&agent, &path, known).await;
        assert_eq!(answer.assert_status(304).text(), "", "{known:?}");
        assert_eq!(
            (answer.header("etag"), answer.header("content-length")),
            ("\"1\"", ""),
            "{known:?}"
        );
        assert_eq!(
            (
                answer.header("cache-control"),
                answer.header("content-type")
            ),
            ("no-store", "")
        );

        for header in [
            "strict-transport-security",
            "x-content-type-options",
            "content-security-policy",
            "x-request-id",
        ] {
            assert_ne!(answer.header(header), "", "{header}");
        }
    }

    for unknown in [&["\"01\""][..], &["\"2\""], &["1"], &["\"2\" \"1\""], &[]] {
        assert_eq!(
            read(&agent, &path, unknown)
                .await
                .assert_status(200)
                .header("etag"),
            "\"1\"",
            "{unknown:?}"
        );
    }

    let head = agent
        .request(Method::HEAD, &path)
        .header("if-none-match", "\"1\"")
        .send()
        .await;

    head.assert_status(304);
    // A condition reveals nothing without permission, and a change is not a read.
    read(&app.stranger(Agent).await, &path, &["*"])
        .await
        .assert_problem(404, "not_found");
    change(&agent, &path, &[], "active")
        .await
        .assert_status(200);
    read(&agent, &path, &["\"1\""]).await.assert_status(200);
}

/// Personal data has no tag, so every read of it is recorded, with any condition.
#[tokio::test]
async fn personal_data_is_shown_and_recorded_under_any_condition() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada Lovelace", "ada@example.org")).await;
    let shown = read(&owner, &format!("{path}/personal-data"), &["\"1\"", "*"]).await;
    assert_eq!(shown.assert_status(200).json()["full_name"], "Ada Lovelace");
    assert_eq!(shown.header("etag"), "");
    assert_eq!(records(&owner, "customer.revealed").await, 1);
}

/// `HEAD` reveals nothing, so nothing is opened and no reveal is recorded.
#[tokio::test]
async fn head_of_personal_data_reveals_and_records_nothing() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada Lovelace", "ada@example.org")).await;
    let member = format!("/v1/members/{}", app.actor(Agent).await.user());
    let targets = [
        (format!("{path}/personal-data"), "customer.revealed"),
        (format!("{path}/export"), "customer.exported"),
        (format!("{member}/personal-data"), "member.revealed"),
        ("/v1/me/export".to_owned(), "user_exported"),
    ];

    for (target, action) in targets {
        let head = owner.request(Method::HEAD, &target).send().await;
        assert_eq!(
            head.assert_status(200).header("content-type"),
            "application/json",
            "{target}"
        );

        // Without a body, the length is unknown.
        assert_eq!(
            (head.text().as_str(), head.header("content-length")),
            ("", ""),
            "{target}"
        );
        assert_eq!(records(&owner, action).await, 0, "{target}");

        owner.get(&target).await.assert_status(200);
        assert_eq!(records(&owner, action).await, 1, "{target}: {action}");
    }

    let head = async |by: &Actor, path: String| {
        by.request(Method::HEAD, &path).send().await.status.as_u16()
    };
    let unknown = "/v1/customers/0198c5d2-7d4b-7c30-a5b6-d0d1c2b3a495/personal-data";

    assert_eq!(head(&owner, unknown.to_owned()).await, 404);
    assert_eq!(
        head(&app.stranger(Owner).await, format!("{path}/personal-data")).await,
        404
    );
    assert_eq!(
        head(&app.actor(Agent).await, format!("{path}/personal-data")).await,
        403
    );
}

async fn records(by: &Actor, action: &str) -> usize {
    let found = by
        .get(&format!("/v1/audit/events?action={action}&limit=100"))
        .await
        .assert_status(200)
        .json();
    found["items"].as_array().map_or(0, Vec::len)
}

/// RFC 3986 §2.1: a `%` is followed by two hexadecimal digits.
#[tokio::test]
async fn a_broken_percent_encoding_is_refused_everywhere() {
    let app = start().await;
    let agent = app.actor(Agent).await;

    for broken in ["%zz", "%a", "%", "%ff", "%C3", "%4", "a%%41", "%00"] {
        for path in [
            format!("/v1/customers?tag={broken}"),
            format!("/v1/customers?{broken}=1"),
        ] {
            agent
                .get(&path)
                .await
                .assert_problem(400, "malformed_request");
        }

        agent
            .get(&format!("/v1/customers/{broken}"))
            .await
            .assert_problem(400, "malformed_request");

        for (form, code) in [
            ("/oauth/token", "invalid_request"),
            ("/oauth/revoke", "invalid_request"),
        ] {
            for body in [
                format!("grant_type={broken}"),
                format!("{broken}=1"),
                format!("{broken}="),
            ] {
                let call = app.anonymous().request(Method::POST, form);
                let call = call
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(body);
                let refused = call.send().await;
                assert_eq!(
                    (refused.status.as_u16(), &refused.json()["code"]),
                    (400, &Value::from(code)),
                    "{broken}"
                );
            }
        }
    }

    agent
        .get("/v1/customers?tag=%C3%A9%25zz+b")
        .await
        .assert_status(200);
}
