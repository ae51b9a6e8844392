//! `POST /v1/password-strength`.

use futures_util::future::join_all;
use mainstay_testing::{Answer, TestApp};
use serde_json::{Value, json};

use crate::start;

/// Each would keep zxcvbn busy for a second, since every character may stand for several letters.
const CRAFTED: [&str; 4] = [
    "51{+|3@[(+31(+$[02$4395063297$9(6{4+[+74!9174|380!!70{||<839@4$<",
    "4@8({[<369 1!|1|7 0 $5+7%2 4@8({[<369 1!|1|7 0 $5+7%2 4@8({[<369",
    "({[<({[<({[<4@4@4@4@1!|1!|1|71|7$5$5$5+7+7+7696969({[<4@1!|1|7$5",
    "1|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71|71",
];

/// A crafted password is estimated or refused under load, and requests per address are limited.
#[tokio::test]
async fn crafted_passwords_are_estimated_and_requests_are_limited() {
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
        assert!(answered < 1_000, "requests per address are not limited");
    };

    refused.assert_problem(429, "too_many_attempts");
    assert!(!refused.header("retry-after").is_empty());
}

/// The strength meter agrees with the check: a password that is too short is not shown as strong.
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
        "This password is too short. Use at least 15 characters."
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
async fn the_owners_data_weakens_a_password() {
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

/// The rules are available before a password is typed.
#[tokio::test]
async fn the_rules_match_the_settings() {
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
