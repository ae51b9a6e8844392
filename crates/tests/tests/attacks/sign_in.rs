//! Failed sign-ins reveal nothing about who has an account.

use std::sync::Arc;

use futures_util::future::{join, join_all};
use mainstay::{
    Settings,
    config::Reader,
    crypto::{Argon2Parameters, KeyRing, PasswordHasher},
    http::{App, Parts, Readiness, Server},
    identity::Identity,
    kernel::{ExposeSecret as _, OrganizationId, Random, Uuid},
};
use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Answer, PASSWORD, TestApp};
use serde_json::{Value, json};

use crate::http::{Reply, send};

async fn sign_in(app: &TestApp, body: Value) -> Answer {
    app.anonymous().post("/v1/sessions", body).await
}

/// Everything that a client sees of a response, except what differs every time.
fn seen(answer: &Answer) -> (u16, Value, Vec<(String, String)>) {
    let mut body = answer.json();
    body.as_object_mut()
        .and_then(|members| members.remove("request_id"));
    let headers = answer
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), format!("{value:?}")));
    let stable = headers
        .filter(|(name, _)| name != "x-request-id" && name != "date")
        .collect();
    (answer.status.as_u16(), body, stable)
}

/// OWASP ASVS 6.3.8: an unknown address, a wrong password and another organization look the same.
#[tokio::test]
async fn refused_sign_ins_are_indistinguishable() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let stranger = app.stranger(Agent).await;
    let foreign = stranger.organization().to_string();
    let nowhere = OrganizationId::from(Uuid::from_u128(7)).to_string();
    let email = agent.email();

    let refused = [
        json!({ "email": email, "password": "not the password" }),
        json!({ "email": "unknown@example.org", "password": PASSWORD }),
        json!({ "email": email, "password": PASSWORD.to_uppercase() }),
        json!({ "email": email, "password": format!("{PASSWORD} ") }),
        json!({ "email": email, "password": PASSWORD, "organization_id": foreign }),
        json!({ "email": email, "password": PASSWORD, "organization_id": nowhere }),
        json!({ "email": stranger.email(), "password": PASSWORD, "organization_id": agent.organization().to_string() }),
    ];

    let mut seen_first = None;
    for body in refused {
        let answer = sign_in(&app, body.clone()).await;
        answer.assert_problem(401, "invalid_credentials");
        let first = seen_first.get_or_insert_with(|| seen(&answer));
        assert_eq!(*first, seen(&answer), "{body}");
    }

    let own = json!({ "email": email, "password": PASSWORD, "organization_id": agent.organization().to_string() });
    sign_in(&app, own).await.assert_status(201);
}

/// OWASP ASVS 6.3.8: they take the same time, as far as Argon2 and round trips decide it.
#[tokio::test]
async fn refused_sign_ins_take_the_same_work() {
    let app = TestApp::builder(fixture::platform())
        .setting("database.pool_size", "1")
        .counting_round_trips()
        .start()
        .await;

    let agent = app.actor(Agent).await;
    let hasher = PasswordHasher::new(Argon2Parameters::default(), 1, 8, Random::default());
    let address = serve_with(&app, hasher.clone()).await;
    let wrong = json!({ "email": agent.email(), "password": "not the password" }).to_string();
    let unknown =
        json!({ "email": "unknown@example.org", "password": "not the password" }).to_string();

    // The first request prepares the statements.
    refused(send(address, "POST", "/v1/sessions", "", &wrong).await);

    let mut costs = Vec::new();
    for body in [&wrong, &unknown, &wrong, &unknown] {
        let (computed, trips) = (hasher.statistics().computations, app.round_trips());
        refused(send(address, "POST", "/v1/sessions", "", body).await);
        costs.push((
            hasher.statistics().computations - computed,
            app.round_trips() - trips,
        ));
    }

    assert_eq!(
        costs,
        [(1, 2); 4],
        "(computations, round trips) of a wrong password and of an unknown account"
    );
}

/// OWASP ASVS 6.3.8: the same holds for a sign-up and a reset.
#[tokio::test]
async fn sign_ups_and_resets_take_the_same_work() {
    let app = TestApp::builder(fixture::platform())
        .setting("database.pool_size", "1")
        .counting_round_trips()
        .start()
        .await;

    let agent = app.actor(Agent).await;
    let hasher = PasswordHasher::new(Argon2Parameters::default(), 1, 8, Random::default());
    let address = serve_with(&app, hasher.clone()).await;
    let password = "violets tumble over granite";

    for (path, hashes, bodies) in [
        (
            "/v1/sign-ups",
            1,
            [agent.email(), "unknown@example.org"]
                .map(|it| json!({ "email": it, "password": password })),
        ),
        (
            "/v1/password-resets",
            0,
            [agent.email(), "unknown@example.org"].map(|it| json!({ "email": it })),
        ),
    ] {
        let ask = async |body: &Value| {
            let (computed, trips) = (hasher.statistics().computations, app.round_trips());
            assert_eq!(
                send(address, "POST", path, "", &body.to_string())
                    .await
                    .status,
                202,
                "{path}"
            );

            (
                hasher.statistics().computations - computed,
                app.round_trips() - trips,
            )
        };

        // The first request prepares the statements. Then the caller's address and the e-mail are
        // counted, the account is looked up, and the request is written.
        ask(&bodies[0]).await;

        let costs = [
            ask(&bodies[0]).await,
            ask(&bodies[1]).await,
            ask(&bodies[0]).await,
            ask(&bodies[1]).await,
        ];

        assert_eq!(
            costs,
            [(hashes, 4); 4],
            "{path}: (computations, round trips) with an account and without"
        );
    }
}

/// The queue of sign-ins is bounded: when it is full, a caller gets `Retry-After`, and no one else
/// waits.
#[tokio::test]
async fn a_flood_of_sign_ins_is_refused_without_delaying_others() {
    let app = TestApp::start(fixture::platform()).await;
    let hasher = PasswordHasher::new(Argon2Parameters::default(), 1, 2, Random::default());
    let address = serve_with(&app, hasher).await;
    let flood = join_all((0..24).map(|n| async move {
        let body =
            json!({ "email": format!("unknown-{n}@example.org"), "password": "not the password" })
                .to_string();
        send(address, "POST", "/v1/sessions", "", &body).await
    }));

    let others = async {
        let mut statuses = Vec::new();
        for _ in 0..10 {
            statuses.push(
                send(address, "GET", "/.well-known/jwks.json", "", "")
                    .await
                    .status,
            );
        }
        statuses
    };

    let (flood, others) = join(flood, others).await;
    assert_eq!(others, [200; 10]);

    let shed: Vec<_> = flood.iter().filter(|reply| reply.status != 401).collect();
    assert!(
        !shed.is_empty() && shed.len() < flood.len(),
        "{} of {} were refused",
        shed.len(),
        flood.len()
    );

    for reply in shed {
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (503, "1"),
            "{reply:?}"
        );
    }
}

fn refused(reply: Reply) {
    assert_eq!(
        (reply.status, &reply.json()["code"]),
        (401, &json!("invalid_credentials")),
        "{reply:?}"
    );
}

/// Serves the app's API a second time, with a hasher that the test can inspect.
async fn serve_with(app: &TestApp, hasher: PasswordHasher) -> std::net::SocketAddr {
    let values = [
        ("environment", "development".to_owned()),
        ("http.bind", "127.0.0.1:0".to_owned()),
        ("management.bind", "127.0.0.1:0".to_owned()),
        (
            "database.url",
            app.database_url().expose_secret().to_owned(),
        ),
        (
            "crypto.keys",
            KeyRing::generate(&Random::default())
                .expose_secret()
                .to_owned(),
        ),
    ];

    let settings = Settings::read(&mut Reader::new([]).with_layer("test", values))
        .expect("the settings are valid");
    let identity = Identity::new(settings.identity, hasher, app.database().clone());
    let parts = App::new(Parts {
        database: app.database().clone(),
        authenticator: identity.authenticator(),
        settings: settings.http,
        readiness: Readiness::new(app.platform().schema_version()),
        measure: Arc::new(|| {}),
        shared: identity.shared_values().into_iter().collect(),
    });

    let api = app.platform().api().expect("the declarations are valid");
    let server = Server::bind(parts, api, None)
        .await
        .expect("there are free ports");
    let address = server.address().expect("the port is bound");

    tokio::spawn(server.run(std::future::pending()));

    address
}
