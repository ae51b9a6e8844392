//! One spelling per value: identifiers, dates and integers, everywhere in a request.

use mainstay::{
    access::BuiltInRole::Owner,
    kernel::{Clock, Timestamp},
};
use mainstay_http::Method;
use mainstay_testing::TestApp;
use serde_json::{Value, json};
use time::Duration;

use crate::{create, customer, start};

const ID: &str = "018f3b6c-9d4a-7c3e-8f10-a1b2c3d4e5f6";

/// Spellings of a UUID that libraries accept, but RFC 9562 does not define.
fn other_spellings() -> [String; 4] {
    let plain = ID.replace('-', "");
    [
        format!("%7B{ID}%7D"),
        format!("urn:uuid:{ID}"),
        plain.clone(),
        format!("%7B{plain}%7D"),
    ]
}

#[tokio::test]
async fn an_id_has_one_spelling_in_every_path_and_query() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let document = owner.get("/openapi.json").await.json();
    let mut refused = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["schema"]["format"] != "uuid" {
                    continue;
                }

                let (place, name) = (
                    parameter["in"].as_str().unwrap(),
                    parameter["name"].as_str().unwrap(),
                );

                for spelling in other_spellings() {
                    let path = match place {
                        "path" => filled(&path.replace(&format!("{{{name}}}"), &spelling)),
                        _ => format!("{}?{name}={spelling}", filled(path)),
                    };
                    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                    let call = owner.request(method.clone(), &path);
                    let answer = match method {
                        Method::GET | Method::DELETE => call.send().await,
                        _ => call.json(&json!({})).send().await,
                    };

                    let errors = answer.assert_problem(422, "invalid_input").problem().errors;
                    assert_eq!(errors, [format!("{place}/{name}")], "{method} {path}");

                    refused += 1;
                }
            }
        }
    }

    assert!(refused > 100, "{refused}");
}

/// The path with a missing id in place of each remaining parameter.
fn filled(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            ID
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// RFC 9562 §4: written in lower case, read in any.
#[tokio::test]
async fn the_case_of_an_id_does_not_matter() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;
    let (start, id) = path.rsplit_once('/').unwrap();
    let found = owner
        .get(&format!("{start}/{}", id.to_uppercase()))
        .await
        .assert_status(200)
        .json();
    assert_eq!(found["id"], id);
}

#[tokio::test]
async fn an_id_in_a_body_has_one_spelling() {
    let app = start().await;
    let owner = app.actor(Owner).await;

    for spelling in
        other_spellings().map(|spelling| spelling.replace("%7B", "{").replace("%7D", "}"))
    {
        let moved = owner
            .put(
                "/v1/sessions/current/organization",
                json!({ "organization_id": spelling }),
            )
            .await;

        assert_eq!(
            moved.assert_problem(422, "invalid_input").problem().errors,
            ["body/organization_id"]
        );

        let given = owner
            .put("/v1/organization/owner", json!({ "user_id": spelling }))
            .await;
        assert_eq!(
            given.assert_problem(422, "invalid_input").problem().errors,
            ["body/user_id"]
        );
    }
}

#[tokio::test]
async fn a_date_has_one_format_and_is_not_in_the_future() {
    let noon = Timestamp::UNIX_EPOCH + Duration::days(20_000) + Duration::hours(9);
    let app = TestApp::builder(fixture::platform())
        .clock(Clock::manual(noon))
        .start()
        .await;
    let owner = app.actor(Owner).await;
    let path = create(&owner, customer("Ada", "ada@example.org")).await;

    // The 20,000th day is 2024-10-04.
    for wrong in [
        "+2001-12-31",
        "+201-12-31",
        "2001-1-1",
        "2001-12-31 ",
        "20011231",
        "2001-12-31T00:00:00Z",
        "2024-10-05",
        "9999-12-31",
    ] {
        let mut body = customer("Ada", "ada@example.org");
        body["date_of_birth"] = wrong.into();
        for answer in [
            owner.post("/v1/customers", body).await,
            owner.patch(&path, json!({ "date_of_birth": wrong })).await,
        ] {
            let errors = answer.assert_problem(422, "invalid_input").problem().errors;
            assert_eq!(errors, ["body/date_of_birth"], "{wrong}");
        }
    }

    owner
        .patch(&path, json!({ "date_of_birth": "2024-10-04" }))
        .await
        .assert_status(200);

    let revealed = owner.get(&format!("{path}/personal-data")).await.json();
    assert_eq!(revealed["date_of_birth"], "2024-10-04");
}

/// JSON Schema 2020-12: an integer is a number without a fractional part, in any spelling.
#[tokio::test]
async fn an_integer_is_accepted_in_any_json_spelling() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let search = async |limit: &str| {
        let body = format!(r#"{{ "email": "ada@example.org", "limit": {limit} }}"#);
        let call = owner
            .request(Method::POST, "/v1/customers/search")
            .header("content-type", "application/json");
        call.body(body).send().await
    };

    for whole in ["5", "5.0", "50e-1", "0.5E+1", "1e2"] {
        search(whole).await.assert_status(200);
    }

    for wrong in [
        "5.5", "0.0", "-5.0", "1e3", "1e400", "101.0", "\"5.0\"", "\"5\"",
    ] {
        let errors = search(wrong)
            .await
            .assert_problem(422, "invalid_input")
            .problem()
            .errors;
        assert_eq!(errors, ["body/limit"], "{wrong}");
    }

    for broken in ["05.0", "5.", ".5", "1e", "+5.0"] {
        search(broken)
            .await
            .assert_problem(400, "malformed_request");
    }

    let made = owner
        .post(
            "/v1/api-keys",
            json!({ "name": "export", "expires_in_days": 30.0 }),
        )
        .await;

    made.assert_status(201);
}

#[tokio::test]
async fn an_invalid_cursor_is_reported_at_its_place() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let body = |cursor: Value| json!({ "email": "ada@example.org", "cursor": cursor });
    for cursor in ["no-such-cursor", "A".repeat(100).as_str()] {
        let searched = owner
            .post("/v1/customers/search", body(cursor.into()))
            .await;
        assert_eq!(
            searched
                .assert_problem(422, "invalid_input")
                .problem()
                .errors,
            ["body/cursor"]
        );

        let listed = owner.get(&format!("/v1/customers?cursor={cursor}")).await;
        assert_eq!(
            listed.assert_problem(422, "invalid_input").problem().errors,
            ["query/cursor"]
        );
    }
}
