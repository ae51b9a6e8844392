//! Sessions that a browser carries in a cookie.

use mainstay::{
    access::BuiltInRole::{Agent, Owner},
    kernel::{Clock, Timestamp},
};
use mainstay_http::Method;
use mainstay_testing::{Actor, Answer, Call, PASSWORD, TestApp};
use serde_json::{Value, json};
use time::Duration;

/// The cookie of a new session, as a browser keeps it: name and value.
async fn sign_in(app: &TestApp, actor: &Actor) -> (String, Answer) {
    let body = json!({ "email": actor.email(), "password": PASSWORD, "cookie": true });
    let answer = app.anonymous().post("/v1/sessions", body).await;
    answer.assert_status(201);
    let cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    (cookie, answer)
}

fn call(app: &TestApp, method: Method, path: &str, cookie: &str) -> Call {
    app.anonymous()
        .request(method, path)
        .header("cookie", cookie)
}

/// OWASP ASVS 3.3.1 to 3.3.4, 14.2.1: scripts and other hosts cannot read the cookie, and the body
/// has no token.
#[tokio::test]
async fn the_cookie_is_protected_by_its_attributes() {
    let app = crate::start().await;
    let owner = app.actor(Owner).await;
    let (cookie, answer) = sign_in(&app, &owner).await;
    let set = answer.header("set-cookie");

    assert!(cookie.starts_with("__Host-session="), "{cookie}");

    for attribute in [
        "; Path=/",
        "; Secure",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Max-Age=",
    ] {
        assert!(set.contains(attribute), "the cookie has no {attribute}");
    }

    assert!(!set.to_lowercase().contains("domain"));
    assert_eq!(
        (
            &answer.json()["access_token"],
            &answer.json()["refresh_token"]
        ),
        (&Value::Null, &Value::Null)
    );

    let me = call(&app, Method::GET, "/v1/me", &cookie).send().await;
    assert_eq!(me.assert_status(200).json()["email"], owner.email());
}

/// OWASP ASVS 3.5.1 to 3.5.3: requests from a page of another site change nothing (CSRF).
#[tokio::test]
async fn a_request_from_another_site_is_refused() {
    let app = crate::start().await;
    let agent = app.actor(Agent).await;
    let (cookie, _) = sign_in(&app, &agent).await;
    let own = format!("http://{}", app.address());
    let body = json!({ "full_name": "Ada", "email": "ada@example.org" });
    let post = || call(&app, Method::POST, "/v1/customers", &cookie).json(&body);

    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", &format!("{own}.evil.example")),
        ("referer", &own),
    ] {
        post()
            .header(name, value)
            .send()
            .await
            .assert_problem(403, "cross_site_request");
    }

    post()
        .send()
        .await
        .assert_problem(403, "cross_site_request");

    let both = post()
        .header("sec-fetch-site", "cross-site")
        .header("origin", &own);
    both.send().await.assert_problem(403, "cross_site_request");
    assert_eq!(agent.get("/v1/customers").await.json()["items"], json!([]));

    post()
        .header("sec-fetch-site", "same-origin")
        .send()
        .await
        .assert_status(201);

    // Reading changes nothing, and the other page cannot see the response.
    call(&app, Method::GET, "/v1/customers", &cookie)
        .header("sec-fetch-site", "cross-site")
        .send()
        .await
        .assert_status(200);
}

#[tokio::test]
async fn an_older_browser_is_checked_by_its_origin() {
    let app = TestApp::builder(fixture::platform())
        .setting("http.public_url", "http://api.example")
        .start()
        .await;
    let agent = app.actor(Agent).await;
    let (cookie, _) = sign_in(&app, &agent).await;
    let body = json!({ "full_name": "Ada", "email": "ada@example.org" });

    let post = |origin| {
        call(&app, Method::POST, "/v1/customers", &cookie)
            .json(&body)
            .header("origin", origin)
    };

    post("http://api.example").send().await.assert_status(201);
    post("http://api.example:8080")
        .send()
        .await
        .assert_problem(403, "cross_site_request");
    post("https://api.example")
        .send()
        .await
        .assert_problem(403, "cross_site_request");
}

#[tokio::test]
async fn a_cookie_needs_its_session_and_its_secret() {
    let app = crate::start().await;
    let (agent, other) = (app.actor(Agent).await, app.actor(Agent).await);
    let ((cookie, _), (foreign, _)) = (sign_in(&app, &agent).await, sign_in(&app, &other).await);
    let (session, secret) = cookie.split_once('.').unwrap();
    let (_, foreign_secret) = foreign.split_once('.').unwrap();
    let token_session = agent.get("/v1/me").await.json()["session_id"]
        .as_str()
        .unwrap()
        .to_owned();

    for forged in [
        format!("{session}.{foreign_secret}"),
        format!("{session}."),
        session.to_owned(),
        format!("{cookie}; {foreign}"),
        format!("__Host-session={token_session}.{secret}"),
        format!("__Host-session={token_session}."),
        cookie.replace("__Host-session", "session"),
    ] {
        call(&app, Method::GET, "/v1/me", &forged)
            .send()
            .await
            .assert_problem(401, "unauthenticated");
    }

    call(
        &app,
        Method::GET,
        "/v1/me",
        &format!("theme=dark; {cookie}; a=b"),
    )
    .send()
    .await
    .assert_status(200);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_clears_the_cookie() {
    let app = crate::start().await;
    let (cookie, _) = sign_in(&app, &app.actor(Agent).await).await;
    let sign_out = call(&app, Method::DELETE, "/v1/sessions/current", &cookie)
        .header("sec-fetch-site", "same-origin");
    let answer = sign_out.send().await;

    assert!(
        answer
            .assert_status(204)
            .header("set-cookie")
            .contains("__Host-session=; ")
    );
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    call(&app, Method::GET, "/v1/me", &cookie)
        .send()
        .await
        .assert_problem(401, "unauthenticated");
}

/// OWASP ASVS 7.3.1, 7.3.2: it is valid while it is used, up to a maximum lifetime.
#[tokio::test]
async fn a_cookie_lasts_while_it_is_used() {
    let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::days(20_000));
    let app = TestApp::builder(fixture::platform())
        .clock(clock.clone())
        .start()
        .await;
    let agent = app.actor(Agent).await;
    let ((used, _), (unused, _)) = (sign_in(&app, &agent).await, sign_in(&app, &agent).await);

    let asks = async |cookie: &str| call(&app, Method::GET, "/v1/me", cookie).send().await;
    for _ in 0..3 {
        clock.advance(Duration::hours(20));
        asks(&used).await.assert_status(200);
    }
    asks(&unused).await.assert_problem(401, "unauthenticated");
    for _ in 0..32 {
        clock.advance(Duration::hours(20));
        asks(&used).await.assert_status(200);
    }

    clock.advance(Duration::hours(20));
    asks(&used).await.assert_problem(401, "unauthenticated");
}
