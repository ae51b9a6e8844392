//! `POST /v1/password-strength`.

use futures_util::future::join_all;
use mainstay_testing::Answer;
use serde_json::json;

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
    let ask =
        async |password: &str| app.anonymous().post("/v1/password-strength", json!({ "password": password })).await;
    let answers: Vec<Answer> = join_all(CRAFTED.iter().cycle().take(60).map(|crafted| ask(crafted))).await;
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
