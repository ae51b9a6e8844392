//! Headers of other software and sites that the service ignores (RFC 9110 §5.1, §5.5).

use mainstay::{access::BuiltInRole::Agent, http::Method};
use mainstay_testing::{Call, PASSWORD};
use serde_json::json;

use crate::{customer, start};

#[tokio::test]
async fn any_user_agent_is_accepted() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let body = json!({ "email": agent.email(), "password": PASSWORD });
    let sign_in = || {
        app.anonymous()
            .request(Method::POST, "/v1/sessions")
            .json(&body)
    };

    let named = sign_in()
        .header("user-agent", "Navigateur de Zoë/1.0")
        .send()
        .await;
    let token = named.assert_status(201).json()["access_token"]
        .as_str()
        .unwrap()
        .to_owned();

    let sessions = app
        .anonymous()
        .with_token(&token)
        .get("/v1/sessions")
        .await
        .assert_status(200)
        .json();

    let programs: Vec<_> = sessions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["user_agent"].clone())
        .collect();

    assert!(
        programs.contains(&json!("Navigateur de Zoë/1.0")),
        "{programs:?}"
    );
    sign_in()
        .header("user-agent", "one/1")
        .header("user-agent", "two/2")
        .send()
        .await
        .assert_status(201);
    sign_in()
        .header("user-agent", &"x".repeat(2_000))
        .send()
        .await
        .assert_status(201);
    sign_in()
        .header("user-agent", "")
        .send()
        .await
        .assert_status(201);
}

/// A sibling subdomain may set cookies for this host, but must not be able to sign people out.
#[tokio::test]
async fn a_cookie_of_another_site_is_ignored() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let body = json!({ "email": agent.email(), "password": PASSWORD, "cookie": true });
    let signed_in = app.anonymous().post("/v1/sessions", body).await;
    let session = signed_in
        .assert_status(201)
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();

    let me = || app.anonymous().request(Method::GET, "/v1/me");

    for foreign in [
        "thème=é",
        "=",
        "x",
        "a=\"b;",
        "__Host-session2=1",
        "__host-session=1",
        "ø",
        "a=b=c",
        ";;",
    ] {
        for cookie in [
            format!("{foreign}; {session}"),
            format!("{session};{foreign}"),
        ] {
            me().header("cookie", &cookie)
                .send()
                .await
                .assert_status(200);
        }

        me().header("cookie", foreign)
            .header("cookie", &session)
            .send()
            .await
            .assert_status(200);
        me().header("cookie", foreign)
            .send()
            .await
            .assert_problem(401, "unauthenticated");
    }
}

#[tokio::test]
async fn a_content_type_is_accepted_in_any_spelling() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let body = customer("Ada Lovelace", "ada@example.org").to_string();
    let post = || {
        agent
            .request(Method::POST, "/v1/customers")
            .body(body.clone())
    };

    let plain = |call: Call| call.header("content-type", "application/json");

    for content_type in [
        "application/json ; charset=utf-8",
        "Application/JSON;Charset=\"UTF-8\"",
        "application/json\t;\tprofile=\"a;b\"",
        "application/json;",
    ] {
        post()
            .header("content-type", content_type)
            .send()
            .await
            .assert_status(201);
    }

    for coding in ["Identity", "identity", "", "identity, IDENTITY"] {
        plain(post())
            .header("content-encoding", coding)
            .send()
            .await
            .assert_status(201);
    }

    for content_type in [
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "application/jsonx",
        "é",
    ] {
        let refused = post().header("content-type", content_type).send().await;
        refused.assert_problem(415, "unsupported_media_type");
        assert_eq!(
            refused.header("accept-post"),
            "application/json",
            "{content_type}"
        );
    }

    for coding in ["gzip", "identity, gzip", "é"] {
        let refused = plain(post())
            .header("content-encoding", coding)
            .send()
            .await;
        assert_eq!(
            refused
                .assert_problem(415, "unsupported_media_type")
                .header("accept-encoding"),
            "identity"
        );
    }
}

/// RFC 5789 §3.1.
#[tokio::test]
async fn a_patch_of_another_type_gets_accept_patch() {
    let app = start().await;
    let agent = app.actor(Agent).await;
    let path = crate::create(&agent, customer("Ada Lovelace", "ada@example.org")).await;
    let refused = agent
        .request(Method::PATCH, &path)
        .header("content-type", "text/plain")
        .body("{}")
        .send()
        .await;

    refused.assert_problem(415, "unsupported_media_type");
    assert_eq!(
        refused.header("accept-patch"),
        "application/merge-patch+json, application/json"
    );
}

#[tokio::test]
async fn unknown_headers_are_ignored() {
    let app = start().await;
    let agent = app.actor(Agent).await;

    for (name, value) in [
        ("accept", "text/ø;q=nonsense"),
        ("accept-language", "ü"),
        ("origin", "nønsense"),
        ("referer", "ø"),
        ("sec-fetch-site", "ø"),
        ("traceparent", "ø"),
        ("tracestate", "ø=1"),
        ("x-request-id", "ø"),
        ("x-forwarded-for", "ø"),
        ("forwarded", "for=ø"),
        ("if-none-match", "ø"),
        ("if-modified-since", "ø"),
        ("range", "ø"),
    ] {
        let call = || agent.request(Method::GET, "/v1/me").header(name, value);
        call().send().await.assert_status(200);
        call().header(name, value).send().await.assert_status(200);
    }
}
