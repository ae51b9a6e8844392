//! Signing in without the right: whoever tries learns nothing of who has an account.

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

/// Everything that a client sees of an answer, but for what is different in every one.
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

/// OWASP ASVS 6.3.8: an address without an account, a wrong password and a foreign organization look the same.
#[tokio::test]
async fn refused_sign_ins_cannot_be_told_apart() {
    let app = TestApp::start(fixture::platform()).await;
    let agent = app.actor(Agent).await;
    let stranger = app.stranger(Agent).await;
    let foreign = stranger.organization().to_string();
    let nowhere = OrganizationId::from(Uuid::from_u128(7)).to_string();
    let email = agent.email();

    let refused = [
        json!({ "email": email, "password": "not the password" }),
        json!({ "email": "nobody@example.org", "password": PASSWORD }),
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

/// OWASP ASVS 6.3.8: nor by how long they take, as far as the work decides: Argon2 and the trips to the database.
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
        json!({ "email": "nobody@example.org", "password": "not the password" }).to_string();

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

/// OWASP ASVS 6.3.8: nor do a sign-up or a reset tell, by the same measure.
#[tokio::test]
async fn what_is_asked_for_by_address_takes_the_same_work() {
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
            [agent.email(), "nobody@example.org"]
                .map(|it| json!({ "email": it, "password": password })),
        ),
        (
            "/v1/password-resets",
            0,
            [agent.email(), "nobody@example.org"].map(|it| json!({ "email": it })),
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

        // The first request prepares the statements. Then: the caller's address and the letter are counted, the account is
        // looked for, the request is written.
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

/// A flood of sign-ins meets a bounded queue: whoever finds it full is told when to come back, and nobody else waits.
#[tokio::test]
async fn a_flood_of_sign_ins_is_shed_and_harms_nobody_else() {
    let app = TestApp::start(fixture::platform()).await;
    let hasher = PasswordHasher::new(Argon2Parameters::default(), 1, 2, Random::default());
    let address = serve_with(&app, hasher).await;
    let flood = join_all((0..24).map(|n| async move {
        let body =
            json!({ "email": format!("nobody-{n}@example.org"), "password": "not the password" })
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
        "{} of {} were shed",
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

/// Serves the app's API once more, with a hasher that the test looks into.
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
        .expect("the settings are right");
    let identity = Identity::new(settings.identity, hasher, app.database().clone());
    let parts = App::new(Parts {
        database: app.database().clone(),
        authenticator: identity.authenticator(),
        settings: settings.http,
        readiness: Readiness::new(app.platform().schema_version()),
        measure: Arc::new(|| {}),
        shared: identity.shared_values().into_iter().collect(),
    });

    let api = app.platform().api().expect("the declarations are right");
    let server = Server::bind(parts, api, None)
        .await
        .expect("there are free ports");
    let address = server.address().expect("it is bound");

    tokio::spawn(server.run(std::future::pending()));

    address
}
