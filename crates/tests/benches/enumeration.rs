//! Measures whether response times reveal who has an account: `just bench-enumeration`. For
//! sign-up, login and reset it sends 2,000 requests for addresses with an account and as many
//! without, in random order, and prints the AUC: the probability that a response of the first class
//! took longer than one of the second. At 0.5 the time reveals nothing; 0.45 to 0.55 is acceptable
//! (OWASP ASVS 6.3.8). The standard error of each figure is about 0.01.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it prints to its user"
)]

use std::time::{Duration, Instant};

use mainstay::kernel::Random;
use mainstay_access::BuiltInRole::Agent;
use mainstay_http::Method;
use mainstay_testing::TestApp;
use serde_json::{Value, json};

/// Number of responses per class.
const SAMPLES: usize = 2_000;

/// A flow: its name, path, expected status, and body for an address.
type Flow = (&'static str, &'static str, u16, fn(&str) -> Value);

const FLOWS: [Flow; 3] = [
    (
        "login",
        "/v1/sessions",
        401,
        |email| json!({ "email": email, "password": "not the password at all" }),
    ),
    (
        "sign-up",
        "/v1/sign-ups",
        202,
        |email| json!({ "email": email, "password": "violets tumble over granite" }),
    ),
    (
        "reset",
        "/v1/password-resets",
        202,
        |email| json!({ "email": email }),
    ),
];

#[tokio::main]
async fn main() {
    // Each request comes from another network, so that no limit applies.
    let app = TestApp::builder(fixture::platform())
        .setting("http.trusted_proxies", "127.0.0.0/8")
        .start()
        .await;
    let known = accounts(&app).await;

    // As autovacuum would do; without statistics Postgres plans for a handful of rows.
    app.owner()
        .await
        .run("VACUUM ANALYZE", [])
        .await
        .expect("the owner's statement runs");

    let mut network = 0_u32;
    println!(
        "AUC of {SAMPLES} responses with an account against {SAMPLES} without; 0.45 to 0.55 reveals nothing\n"
    );

    for (name, path, status, body) in FLOWS {
        let (mut with, mut without) = (Vec::new(), Vec::new());

        for (email, has_account) in shuffled(&known) {
            network += 1;
            let address = format!("10.{}.{}.7", network >> 8, network & 0xff);
            let call = app
                .anonymous()
                .request(Method::POST, path)
                .header("x-forwarded-for", &address);
            let started = Instant::now();
            call.json(&body(&email)).send().await.assert_status(status);
            if has_account { &mut with } else { &mut without }.push(started.elapsed());
        }

        // Mail is sent after the response, but loads the machine.
        app.until_idle().await;

        println!(
            "{name:8} AUC {:.3}   p50 {} with, {} without",
            auc(&with, &without),
            median(with),
            median(without)
        );
    }
}

/// Creates accounts that share one password hash: hashing for each would take longer than the
/// measurement.
async fn accounts(app: &TestApp) -> Vec<String> {
    let mut emails = Vec::new();
    for _ in 0..SAMPLES {
        emails.push(app.actor(Agent).await.email().to_owned());
    }
    emails
}

/// Every known address once, and as many unknown addresses, in random order.
fn shuffled(known: &[String]) -> Vec<(String, bool)> {
    let random = Random::default();
    let unknown = (0..known.len()).map(|n| (format!("agent-{n}@example.net"), false));
    let mut all: Vec<_> = known
        .iter()
        .map(|email| (email.clone(), true))
        .chain(unknown)
        .collect();
    all.sort_by_cached_key(|_| random.bytes::<8>());
    all
}

/// The area under the ROC curve, computed from ranks (Mann and Whitney).
fn auc(with: &[Duration], without: &[Duration]) -> f64 {
    let mut all: Vec<_> = with
        .iter()
        .map(|it| (it, true))
        .chain(without.iter().map(|it| (it, false)))
        .collect();

    all.sort_unstable();

    let ranks: f64 = all
        .iter()
        .zip(1..)
        .filter(|((_, has), _)| *has)
        .map(|(_, rank)| f64::from(rank))
        .sum();

    let (n, m) = (with.len() as f64, without.len() as f64);
    (ranks - n * (n + 1.0) / 2.0) / (n * m)
}

fn median(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    format!("{:.2} ms", times[times.len() / 2].as_secs_f64() * 1e3)
}
