//! `POST /v1/password-strength`.

use futures_util::future::join_all;
use mainstay_testing::{Answer, TestApp};
use serde_json::{Value, json};

use crate::start;

/// Each keeps zxcvbn busy for a second when it is handed all of it: every character may stand for several letters.
const CRAFTED: [&str; 4] = [
    "51{+|3@[(+31(+$[02$4395063297$9(6{4+[+74!9174|380!!70{||<839@4$<",
    "4@8({[<369 1!|1|7 0 $5+7%2 4@8({[<369 1!|1|7 0 $5+7%2 4@8({[<369",
    "({[<({[<({[<4@4@4@4@1!|1!|1|71|7$5$5$5+7+7+7696969({[<4@1!|1|7$5",
    "1|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71",
];

/// Whatever is estimated is estimated, or refused because others are served first; and one address does not ask for ever.
#[tokio::test]
async fn crafted_passwords_are_estimated_and_an_address_is_counted() {
    let app = start().await;
    let ask = async |password: &str| {
        app.anonymous()
            .post("/v1/password-strength", json!({ "password": password }))
            .await
    };

    let answers: Vec<Answer> =
        join_all(CRAFTED.iter().cycle().take(60).map(|crafted| ask(crafted))).await;
    for answer in answers {
        answer.assert_status(200);
    }

    let mut answered = 60;
    let refused = loop {
        let answer = ask("violets tumble over granite").await;
        if answer.status != 200 {
            break answer;
        }
        answered += 1;
        assert!(answered < 1_000, "an address is not counted");
    };

    refused.assert_problem(429, "too_many_attempts");
    assert!(!refused.header("retry-after").is_empty());
}

/// The meter and the verdict are one: what is refused for its length is not shown as strong.
#[tokio::test]
async fn a_short_password_is_not_shown_as_strong() {
    let app = start().await;
    let judged = async |body: Value| {
        app.anonymous()
            .post("/v1/password-strength", body)
            .await
            .assert_status(200)
            .json()
    };

    let short = "xK9$mQ2!vL7#aB";
    let alone = judged(json!({ "password": short })).await;
    assert!(
        alone["score"].as_u64().is_some_and(|score| score < 3) && alone["acceptable"] == false,
        "{alone}"
    );
    assert_eq!(
        alone["warning"],
        "This password is too short: use at least 15 characters."
    );

    let beside = judged(json!({ "password": short, "second_factor": true })).await;
    assert!(
        beside["score"].as_u64().is_some_and(|score| score >= 3) && beside["acceptable"] == true,
        "{beside}"
    );

    for password in [
        "violets tumble over granite",
        "password1234567",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "short",
    ] {
        let judged = judged(json!({ "password": password })).await;
        let shown_as_strong = judged["score"].as_u64().is_some_and(|score| score >= 3);
        assert_eq!(
            judged["acceptable"], shown_as_strong,
            "{password}: {judged}"
        );
    }
}

#[tokio::test]
async fn what_is_known_of_the_owner_counts() {
    let app = start().await;
    let password = "gracezuckerhutexample";
    let known = json!(["grace.zuckerhut@example.org", "Analytical Engines"]);
    let judged = app
        .anonymous()
        .post(
            "/v1/password-strength",
            json!({ "password": password, "known": known }),
        )
        .await;

    assert_eq!(judged.assert_status(200).json()["acceptable"], false);

    let body = json!({ "email": "grace.zuckerhut@example.org", "password": password });
    app.anonymous()
        .post("/v1/sign-ups", body)
        .await
        .assert_problem(422, "invalid_input");

    let too_much = json!({ "password": password, "known": vec!["x"; 6] });
    app.anonymous()
        .post("/v1/password-strength", too_much)
        .await
        .assert_problem(422, "invalid_input");
}

/// The rules are told before anybody types.
#[tokio::test]
async fn the_rules_are_those_of_the_settings() {
    let app = TestApp::builder(fixture::platform())
        .setting("identity.password_min_length", "20")
        .start()
        .await;

    let rules = app
        .anonymous()
        .get("/v1/password-rules")
        .await
        .assert_status(200)
        .json();

    assert_eq!(
        rules,
        json!({ "min_length": 20, "min_length_with_second_factor": 8, "max_length": 128 })
    );
}
