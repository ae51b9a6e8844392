//! Addresses that fold, decompose or look alike are never confused (CVE-2019-19844), and mail about
//! an account goes to its stored address only (ADR 0018).

use mainstay::access::BuiltInRole::{Agent, Owner};
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::json;

/// Characters that become a letter of `agent` by full case folding or by compatibility
/// decomposition, or that look like one.
const LOOKALIKES: [(&str, &str); 9] = [
    ("a", "\u{430}"),
    ("a", "\u{ff41}"),
    ("a", "\u{aa}"),
    ("g", "\u{210a}"),
    ("e", "\u{212f}"),
    ("e", "\u{435}"),
    ("n", "\u{207f}"),
    ("t", "t\u{ad}"),
    ("t", "\u{1d42d}"),
];

#[tokio::test]
async fn a_lookalike_address_is_another_address() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let owner = app.actor(Owner).await;
    let mut forged: Vec<_> = LOOKALIKES
        .iter()
        .map(|(letter, other)| agent.email().replacen(letter, other, 1))
        .collect();

    forged.push("nic\u{212a}@example.org".to_owned());
    forged.push("\u{17f}am@example.org".to_owned());

    for email in forged {
        let password = "violets tumble over granite";
        let anonymous = app.anonymous();

        for (path, body) in [
            ("/v1/password-resets", json!({ "email": email })),
            (
                "/v1/sessions",
                json!({ "email": email, "password": PASSWORD }),
            ),
            (
                "/v1/sign-ups",
                json!({ "email": email, "password": password }),
            ),
        ] {
            anonymous
                .post(path, body)
                .await
                .assert_problem(422, "invalid_input");
        }

        agent
            .put("/v1/me/email", json!({ "email": email }))
            .await
            .assert_problem(422, "invalid_input");

        let invited = owner
            .post(
                "/v1/invitations",
                json!({ "email": email, "role": "agent" }),
            )
            .await;

        invited.assert_problem(422, "invalid_input");
    }

    assert!(app.mailbox().await.is_empty());
}

#[tokio::test]
async fn mail_about_an_account_goes_to_its_stored_address() {
    let app = TestApp::start(fixture::platform()).await;
    let (agent, owner) = (app.actor(Agent).await, app.actor(Owner).await);
    let stranger = app.stranger(Agent).await;
    let typed = agent.email().to_uppercase();

    assert_ne!(typed, agent.email());

    app.anonymous()
        .post("/v1/password-resets", json!({ "email": typed }))
        .await
        .assert_status(202);

    let sign_up = json!({ "email": typed, "password": "violets tumble over granite" });
    app.anonymous()
        .post("/v1/sign-ups", sign_up)
        .await
        .assert_status(202);
    stranger
        .put("/v1/me/email", json!({ "email": typed }))
        .await
        .assert_status(202);

    owner
        .post(
            "/v1/invitations",
            json!({ "email": typed, "role": "agent" }),
        )
        .await
        .assert_status(201);

    let mail = app.mailbox().await;
    let to_agent = mail
        .iter()
        .filter(|message| message.to == agent.email())
        .count();

    assert_eq!(to_agent, 4, "{mail:?}");
    assert!(
        mail.iter()
            .all(|message| [agent.email(), stranger.email()].contains(&message.to.as_str())),
        "{mail:?}"
    );
}

#[tokio::test]
async fn an_account_is_found_by_any_spelling_of_its_domain() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let change = async |email: &str| {
        agent
            .put("/v1/me/email", json!({ "email": email }))
            .await
            .assert_status(202);
        app.until_idle().await;
    };

    change("ada@B\u{fc}cher.example").await;
    let stored = "ada@xn--bcher-kva.example";
    let tokens = [
        app.mail_to(agent.email()).await.link_token(),
        app.mail_to(stored).await.link_token(),
    ];

    for token in tokens {
        let confirm = json!({ "token": token });
        app.anonymous()
            .post("/v1/me/email/confirmation", confirm)
            .await
            .assert_status(200);
    }

    for spelling in [
        stored,
        "ADA@b\u{fc}cher.example",
        "ada@bu\u{308}cher.EXAMPLE",
        "ada@XN--bcher-KVA.example",
    ] {
        let body = json!({ "email": spelling, "password": PASSWORD });
        app.anonymous()
            .post("/v1/sessions", body)
            .await
            .assert_status(201);
    }

    // An account may change the case of its own address.
    change("Ada@xn--bcher-kva.example").await;

    let newest = app.mail_to("Ada@xn--bcher-kva.example").await;
    assert!(newest.subject.contains("Confirm"), "{}", newest.subject);
}
