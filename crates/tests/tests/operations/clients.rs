//! The `client` command: an operator registers and deactivates applications.

use mainstay::kernel::ExposeSecret as _;
use mainstay_testing::TestApp;
use serde_json::json;

use crate::program::{finish, program, secrets};

#[tokio::test]
async fn an_application_is_registered_listed_and_deactivated() {
    let app = TestApp::start(fixture::platform()).await;
    let environment = secrets(app.database_url().expose_secret());
    let client = |arguments: &[&str]| {
        finish(program(["client"].iter().chain(arguments)).envs(environment.clone()))
    };

    let create = |client_id: &str, redirect: &str| {
        client(&[
            "create",
            client_id,
            "--name",
            "Shop",
            "--redirect-uri",
            redirect,
        ])
    };

    let (code, text) = create("shop", "https://shop.example/back");
    assert_eq!(code, Some(0), "{text}");

    for (client_id, redirect, reason) in [
        (
            "shop",
            "https://shop.example/back",
            "an application with this client_id already exists",
        ),
        (
            "Shop!",
            "https://shop.example/back",
            "a client_id must start with a letter",
        ),
        (
            "abcdef12-0000-7000-8000-000000000000",
            "https://shop.example/back",
            "a client_id must start with a letter",
        ),
        (
            "other",
            "http://shop.example/back",
            "is not a valid redirect URI",
        ),
        (
            "other",
            "https://shop.example/back#part",
            "is not a valid redirect URI",
        ),
    ] {
        let (code, text) = create(client_id, redirect);
        assert!(
            code == Some(1) && text.contains(reason),
            "{client_id} {redirect}: {text}"
        );
    }

    for name in ["Shop\n\u{1b}[31m", "\u{2066}Shop", "\u{3164}", ""] {
        let redirect = "https://shop.example/back";
        let (code, text) = client(&[
            "create",
            "other",
            "--name",
            name,
            "--redirect-uri",
            redirect,
        ]);

        assert!(
            code == Some(1) && text.contains("the name is invalid: expected"),
            "{name:?}: {text}"
        );
    }

    let (_, listed) = client(&["list"]);
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("shop ") && line.ends_with("https://shop.example/back")),
        "{listed}"
    );

    // An application is third-party unless the operator sets it.
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("shop ") && line.contains("third-party")),
        "{listed}"
    );
    assert_eq!(
        client(&["update", "shop", "--first-party", "true"]).0,
        Some(0)
    );
    assert_eq!(
        client(&["update", "shop", "--first-party", "true"]).0,
        Some(1),
        "it is already"
    );
    assert!(
        client(&["list"])
            .1
            .lines()
            .any(|line| line.starts_with("shop ") && line.contains("first-party"))
    );

    let own = [
        "create",
        "own",
        "--name",
        "Own",
        "--redirect-uri",
        "https://own.example/",
        "--first-party",
    ];

    assert_eq!(client(&own).0, Some(0));
    assert!(
        client(&["list"])
            .1
            .lines()
            .any(|line| line.starts_with("own ") && line.contains("first-party"))
    );

    let request = json!({ "client_id": "shop", "redirect_uri": "https://shop.example/back" });
    let look = async || {
        app.anonymous()
            .post("/oauth/authorization-requests", request.clone())
            .await
    };

    look().await.assert_status(200);

    let (code, text) = client(&["deactivate", "shop"]);
    assert_eq!(code, Some(0), "{text}");
    look().await.assert_problem(400, "unknown_client");
    assert_eq!(
        client(&["deactivate", "shop"]).0,
        Some(1),
        "it is deactivated already"
    );
    assert!(
        client(&["list"])
            .1
            .lines()
            .any(|line| line.starts_with("shop ") && line.contains("deactivated"))
    );

    let recorded = r"
        SELECT action
        FROM audit_events
        WHERE resource = 'oauth_client'
        ORDER BY id
    ";
    let rows = app
        .owner()
        .await
        .run(recorded, [])
        .await
        .expect("the log is read");

    let actions: Vec<String> = rows
        .iter()
        .map(|row| row.get(0).expect("the column is text"))
        .collect();
    assert_eq!(
        actions,
        [
            "oauth_client_created",
            "oauth_client_updated",
            "oauth_client_created",
            "oauth_client_deactivated"
        ]
    );
}
