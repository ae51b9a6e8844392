//! Names that people choose are one line, since they appear in e-mails, subjects and terminals.

use mainstay::access::BuiltInRole::{Agent, Owner};
use mainstay_http::Method;
use mainstay_testing::TestApp;
use serde_json::{Value, json};

use crate::start;

/// Names with line breaks, control characters, hidden characters, or no visible ones.
const HOSTILE: [&str; 12] = [
    "Acme\n\nYour account is suspended: https://evil.example",
    "Acme\r",
    "Acme\u{2028}Second line",
    "Acme\u{85}Second line",
    "\u{1b}[2J\u{1b}[31mowner",
    "\u{9b}31m",
    "ten\tants",
    "\u{202e}emca",
    "\u{2066}Acme",
    "A\u{200b}cme",
    " \u{3000}\u{a0}",
    "\u{3164}",
];

const NOWHERE: &str = "018f3b6c-0000-7000-8000-000000000000";

/// Operations with a name: method, path, the name's member, and the rest of the body.
fn operations() -> Vec<(Method, String, &'static str, Value)> {
    let missing = |path: &str| path.replace("{}", NOWHERE);
    vec![
        (
            Method::POST,
            missing("/v1/sign-ups"),
            "organization_name",
            json!({ "email": "e@x.example", "password": "violets tumble over granite" }),
        ),
        (
            Method::POST,
            missing("/v1/organizations"),
            "name",
            json!({}),
        ),
        (
            Method::PATCH,
            missing("/v1/organization"),
            "name",
            json!({}),
        ),
        (Method::POST, missing("/v1/api-keys"), "name", json!({})),
        (
            Method::POST,
            missing("/v1/service-accounts"),
            "name",
            json!({ "role": "agent" }),
        ),
        (
            Method::PATCH,
            missing("/v1/service-accounts/{}"),
            "name",
            json!({}),
        ),
        (
            Method::POST,
            missing("/v1/service-accounts/{}/keys"),
            "name",
            json!({}),
        ),
        (
            Method::PUT,
            missing("/v1/me/passkeys/{}/name"),
            "name",
            json!({}),
        ),
        (
            Method::POST,
            missing("/v1/roles"),
            "name",
            json!({ "permissions": [] }),
        ),
        (
            Method::POST,
            missing("/v1/customers"),
            "full_name",
            json!({ "email": "a@b.example" }),
        ),
        (
            Method::PATCH,
            missing("/v1/customers/{}"),
            "full_name",
            json!({}),
        ),
    ]
}

#[tokio::test]
async fn hostile_names_are_refused() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let before = app.contents().await;

    for (method, path, member, body) in operations() {
        for name in HOSTILE {
            let mut body = body.clone();
            body[member] = name.into();

            let answer = owner
                .request(method.clone(), &path)
                .json(&body)
                .send()
                .await;

            let mut errors = answer.assert_problem(422, "invalid_input").problem().errors;
            errors.dedup();
            assert_eq!(
                errors,
                [format!("body/{member}")],
                "{method} {path} {name:?}"
            );
        }
    }

    assert_eq!(
        app.contents().await.changed_since(&before),
        Vec::<&str>::new()
    );
}

/// A client that follows the document sends no name that is refused.
#[tokio::test]
async fn the_document_describes_valid_names() {
    let app = start().await;
    let document = app.anonymous().get("/openapi.json").await.json();
    let mut names = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let target = schema["$ref"]
                .as_str()
                .and_then(|name| name.strip_prefix('#'));
            let schema = target
                .and_then(|pointer| document.pointer(pointer))
                .unwrap_or(schema);
            for (member, property) in schema["properties"].as_object().into_iter().flatten() {
                if member == "name" || member.ends_with("_name") {
                    names += 1;
                    assert!(
                        has_pattern(&document, property),
                        "{method} {path} {member}: {property}"
                    );
                }
            }
        }
    }

    assert!(names >= operations().len(), "{names}");
}

fn has_pattern(document: &Value, schema: &Value) -> bool {
    let target = schema["$ref"]
        .as_str()
        .and_then(|name| document.pointer(name.strip_prefix('#')?));
    let alternatives = schema["anyOf"].as_array().into_iter().flatten();
    schema["pattern"].is_string()
        || target
            .into_iter()
            .chain(alternatives)
            .any(|inner| has_pattern(document, inner))
}

#[tokio::test]
async fn white_space_around_a_name_is_removed() {
    let app = start().await;
    let owner = app.actor(Owner).await;
    let made = owner
        .post(
            "/v1/organizations",
            json!({ "name": " \u{3000}Société d’Été 👩\u{200d}💻\u{a0}" }),
        )
        .await;

    assert_eq!(
        made.assert_status(201).json()["name"],
        "Société d’Été 👩\u{200d}💻"
    );

    let path = crate::create(
        &owner,
        json!({ "full_name": " Ada Lovelace ", "email": "a@b.example" }),
    )
    .await;

    let revealed = owner.get(&format!("{path}/personal-data")).await.json();
    assert_eq!(revealed["full_name"], "Ada Lovelace");
}

/// A name that an older version or another program stored cannot add lines to an e-mail.
#[tokio::test]
async fn a_stored_name_adds_no_line_to_an_email() {
    let app = start().await;
    let (owner, agent) = (app.actor(Owner).await, app.actor(Agent).await);
    let rename = "UPDATE organizations SET name = $2 WHERE id = $1";

    // A character that the table's constraint does not check.
    let name = "Acme\u{e000a}pay at evil.example".to_owned();
    app.owner()
        .await
        .run(rename, [owner.organization().uuid().into(), name.into()])
        .await
        .unwrap();

    owner
        .delete(&format!("/v1/members/{}", agent.user()))
        .await
        .assert_status(204);

    let letter = removed(&app, agent.email()).await;
    assert!(
        letter.contains("Acme pay at evil.example") && !letter.contains('\u{e000a}'),
        "{letter}"
    );

    let broken = "UPDATE organizations SET name = E'Acme\\n\\nYour account' WHERE id = $1";
    assert!(
        app.owner()
            .await
            .run(broken, [owner.organization().uuid().into()])
            .await
            .is_err()
    );
}

async fn removed(app: &TestApp, email: &str) -> String {
    let message = app.mail_to(email).await;
    format!("{}\n{}\n{}", message.subject, message.text, message.html)
}
