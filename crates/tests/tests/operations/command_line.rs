//! The command line of an operator: settings from the environment only, and an empty database at
//! first.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use mainstay::kernel::ExposeSecret as _;
use mainstay_devdb::throwaway;
use serde_json::json;

use crate::{
    http::send,
    program::{Serving, eventually, finish, program, secrets},
};

const EMAIL: &str = "first@example.org";

fn succeeds(command: &mut Command) -> String {
    let (code, text) = finish(command);
    assert_eq!(code, Some(0), "{text}");
    text
}

#[tokio::test]
async fn from_an_empty_database_to_a_served_request() {
    let cluster = throwaway().expect("Postgres starts");
    let connection = cluster.connection();
    let url = |role| {
        connection
            .url(role, &connection.database)
            .expose_secret()
            .to_owned()
    };

    let mut environment = secrets(&url(&connection.server));
    environment.extend([
        ("MAINSTAY_HTTP_BIND", "127.0.0.1:0".to_owned()),
        ("MAINSTAY_MANAGEMENT_BIND", "127.0.0.1:0".to_owned()),
    ]);

    // Without a schema it runs, but is not ready.
    let mut early = Serving::start(program(["serve"]).envs(environment.clone()));
    let (_, management) = early.addresses();
    let asked = management.to_string();
    let healthcheck = || finish(program(["healthcheck"]).env("MAINSTAY_MANAGEMENT_BIND", &asked));

    assert_eq!(healthcheck().0, Some(1));
    assert_eq!(send(management, "GET", "/livez", "", "").await.status, 200);

    // `migrate` needs the owner's URL and nothing else; a second run finds nothing to do.
    let owner = url(&connection.owner);
    let migrate = || succeeds(program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", &owner));
    let version = fixture::platform().schema_version();
    let first = migrate();

    assert!(
        first.contains("applied platform V1__")
            && first.contains("applied app V1__")
            && first.contains(&format!("the schema is up to date: {version}")),
        "{first}"
    );
    assert!(!migrate().contains("applied"));

    eventually("the service becomes ready", || {
        (healthcheck().0 == Some(0)).then_some(())
    });

    // An account with a random password, printed once.
    let create = [
        "user",
        "create",
        "--email",
        EMAIL,
        "--organization",
        "First",
    ];

    let made = succeeds(program(create).envs(environment.clone()));
    let password = made
        .lines()
        .find_map(|line| line.strip_prefix("password"))
        .expect("the output shows it")
        .trim();

    let password = password
        .split_whitespace()
        .next()
        .expect("the output shows it");
    let (code, text) = finish(program(create).envs(environment.clone()));
    assert_eq!(code, Some(1));
    assert!(
        text.contains("another account has this e-mail address"),
        "{text}"
    );

    // A name with control characters is refused and not printed.
    for name in ["Acme\n\u{1b}[2Jowner", "\u{202e}emca", " "] {
        let create = [
            "user",
            "create",
            "--email",
            "second@example.org",
            "--organization",
            name,
        ];

        let (code, text) = finish(program(create).envs(environment.clone()));
        assert!(
            code == Some(1) && text.contains("invalid organization name"),
            "{text:?}"
        );
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }

    // An operator's pod has the URLs of both roles.
    let mut both = environment.clone();
    both.push(("MAINSTAY_DATABASE_OWNER_URL", owner.clone()));

    // Roles: an operator cannot remove the last owner by mistake.
    let organization = made
        .lines()
        .find_map(|line| line.strip_prefix("organization"))
        .expect("the output shows it")
        .trim();

    let listed = succeeds(
        program(["role", "list", "--organization", organization]).envs(environment.clone()),
    );
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("owner ") && line.contains("members 1")),
        "{listed}"
    );

    let assign = |role| {
        let assign = [
            "role",
            "assign",
            role,
            EMAIL,
            "--organization",
            organization,
        ];
        finish(program(assign).envs(environment.clone()))
    };

    // An account must be given.
    for command in [["user", "show"], ["session", "list"], ["api-key", "list"]] {
        let run = |who: &[&str]| finish(program(command.iter().chain(who)).envs(both.clone()));
        let (code, text) = run(&[EMAIL]);
        assert_eq!(code, Some(0), "{command:?}: {text}");

        let (code, text) = run(&[]);
        assert!(
            code == Some(2) && text.contains("USER"),
            "{command:?}: {text}"
        );
    }

    for refused in ["manager", "no-such-role"] {
        let (code, text) = assign(refused);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("without an owner"), "{text}");
    }

    assert_eq!(assign("owner").0, Some(0));

    let mut serving = Serving::start(program(["serve"]).envs(environment.clone()));
    let (api, _) = serving.addresses();
    let body = json!({ "email": EMAIL, "password": password }).to_string();
    let session = eventually_signed_in(api, &body).await;
    let me = send(api, "GET", "/v1/me", &session, "").await.json();

    assert_eq!(
        (&me["email"], &me["role"], &me["organization"]["name"]),
        (&json!(EMAIL), &json!("owner"), &json!("First"))
    );

    // Signing keys by hand: one is announced, then the active one is retired with its tokens. The
    // settings in docs/keys.md are enough.
    let as_owner = |name: &str| name != "MAINSTAY_DATABASE_URL";
    let mut owners: Vec<_> = environment
        .iter()
        .filter(|(name, _)| as_owner(name))
        .cloned()
        .collect();

    owners.push(("MAINSTAY_DATABASE_OWNER_URL", owner.clone()));
    let keys = |arguments: &[&str]| {
        succeeds(program(["signing-key"].iter().chain(arguments)).envs(owners.clone()))
    };
    let announced = keys(&["rotate"]);
    let listed = keys(&["list"]);

    let kid_of = |state: &str| {
        let line = listed
            .lines()
            .find(|line| line.contains(state))
            .unwrap_or_else(|| panic!("{state}: {listed}"));
        line.split_whitespace()
            .next()
            .expect("the key id is present")
            .to_owned()
    };

    assert_eq!(kid_of("  announced "), announced.trim());

    let retired = keys(&["retire", &kid_of("  signing ")]);
    assert!(retired.contains("signs from now on"), "{retired}");

    let (code, text) =
        finish(program(["signing-key", "retire", &kid_of("  signing ")]).envs(environment.clone()));
    assert!(code == Some(1) && text.contains("no such key"), "{text}");

    let refused = async {
        while send(api, "GET", "/v1/me", &session, "").await.status != 401 {
            tokio::task::yield_now().await;
        }
    };

    tokio::time::timeout(crate::http::PATIENCE, refused)
        .await
        .expect("the retired key is refused");

    let session = eventually_signed_in(api, &body).await;
    assert_eq!(send(api, "GET", "/v1/me", &session, "").await.status, 200);

    // SIGTERM ends both without an error.
    for mut service in [early, serving] {
        service.signal("TERM");
        assert_eq!(service.exit_code(), Some(0), "{}", service.log());
        assert!(
            service.log().contains("\"message\":\"stopped\""),
            "{}",
            service.log()
        );
    }

    assert_eq!(healthcheck().0, Some(1), "the service does not answer");
}

/// The pool may still be opening its first connections.
async fn eventually_signed_in(api: std::net::SocketAddr, body: &str) -> String {
    let signed_in = async {
        loop {
            let reply = send(api, "POST", "/v1/sessions", "", body).await;
            if reply.status != 503 {
                assert_eq!(reply.status, 201, "{reply:?}");
                return reply.json()["access_token"]
                    .as_str()
                    .expect("the response has a token")
                    .to_owned();
            }
        }
    };

    tokio::time::timeout(crate::http::PATIENCE, signed_in)
        .await
        .expect("the service becomes ready")
}

#[test]
fn a_weak_password_from_standard_input_is_refused() {
    let environment = secrets("postgres://u:p@localhost:1/app?sslmode=verify-full");
    let file = tempfile::NamedTempFile::new().expect("the temporary file is created");
    std::fs::write(file.path(), "short\n").expect("the file is written");

    let input = Stdio::from(File::open(file.path()).expect("the file exists"));

    let create = [
        "user",
        "create",
        "--email",
        EMAIL,
        "--organization",
        "First",
        "--password-stdin",
    ];

    let (code, text) = finish(program(create).envs(environment).stdin(input));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("at least 15 characters"), "{text}");
}

#[test]
fn every_command_explains_itself() {
    let all = succeeds(&mut program(["--help"]));

    let commands = [
        "dev",
        "serve",
        "worker",
        "migrate",
        "routes",
        "openapi",
        "config",
        "user",
        "organization",
        "mail",
        "api-key",
        "signing-key",
        "key-ring",
        "audit",
        "seed",
        "healthcheck",
    ];

    for command in commands {
        assert!(all.contains(&format!("\n  {command} ")), "{command}: {all}");
        let help = succeeds(&mut program([command, "--help"]));
        assert!(
            help.contains("Usage: ") && help.lines().count() > 4,
            "{help}"
        );
    }

    let signing_keys = ["list", "rotate", "retire"].map(|action| ["signing-key", action]);
    let key_ring = ["generate", "status", "rotate", "reseal"].map(|action| ["key-ring", action]);

    let users = [
        "create",
        "show",
        "deactivate",
        "activate",
        "delete",
        "reset-second-factors",
    ]
    .map(|action| ["user", action]);

    let others = [
        ["organization", "list"],
        ["organization", "revoke"],
        ["session", "list"],
        ["session", "end"],
        ["session", "end-all"],
        ["role", "list"],
        ["role", "assign"],
        ["api-key", "list"],
        ["api-key", "revoke"],
        ["mail", "list"],
        ["mail", "resend"],
        ["audit", "verify"],
        ["audit", "export"],
        ["audit", "tail"],
        ["audit", "key"],
    ];

    for action in users
        .iter()
        .chain(&others)
        .chain(&signing_keys)
        .chain(&key_ring)
    {
        assert!(succeeds(program(action).arg("--help")).contains("Usage: "));
    }

    let version = succeeds(&mut program(["--version"]));
    assert!(
        version.contains(fixture::platform().info().version),
        "{version}"
    );

    // A mistake is reported with its correction.
    for slip in ["surve", "--port"] {
        let (code, text) = finish(&mut program([slip]));
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains("--help"), "{text}");
    }
}

/// Commands that only print need no database.
#[test]
fn printing_commands_need_no_settings() {
    let routes = succeeds(&mut program(["routes"]));
    assert!(
        routes.contains("/v1/customers/{id}") && routes.contains("customers.reveal"),
        "{routes}"
    );

    let document: serde_json::Value =
        serde_json::from_str(&succeeds(&mut program(["openapi"]))).expect("the text is JSON");
    assert_eq!(
        document,
        fixture::platform()
            .api()
            .expect("the declarations are valid")
            .document()
    );

    let [one, other] = [(); 2].map(|()| succeeds(&mut program(["key-ring", "generate"])));
    assert!(one.contains(':'), "{one}");
    assert_ne!(one, other, "keys are random");
}
