//! Measures the cost of a key rotation under load: `just bench-rotation`, on 100,000 customers (or
//! `ROWS`). It prints figures, and counts failed requests and stale values; both must be 0.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it prints to its user"
)]

#[path = "../tests/support/program.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod program;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use mainstay::{
    crypto::KeyRing,
    kernel::{ExposeSecret as _, Random},
};
use mainstay_access::BuiltInRole;
use mainstay_testing::{Answer, Client, TestApp};
use program::{finish, program};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Number of callers, each of which sends one request at a time.
const CALLERS: usize = 8;

/// Duration of the measurement before the rotation.
const CALM: Duration = Duration::from_secs(15);

/// Measurements of all callers.
#[derive(Default)]
struct Measurements {
    failed: AtomicUsize,
    stale: AtomicUsize,
    times: Mutex<Vec<Duration>>,
}

impl Measurements {
    /// Prints the figures since the last report.
    fn report(&self, what: &str, span: Duration) {
        let mut times = std::mem::take(&mut *self.times.lock().expect("the lock is not poisoned"));
        times.sort_unstable();
        let at = |share: usize| {
            times
                .get(times.len() * share / 100)
                .copied()
                .unwrap_or_default()
        };
        let rate = times.len() as f64 / span.as_secs_f64();
        let [median, p99] = [at(50), at(99)].map(|time| time.as_secs_f64() * 1_000.0);
        println!("  {what:28} {rate:8.0} requests/s    p50 {median:7.2} ms    p99 {p99:7.2} ms");
    }
}

/// A caller that updates one customer repeatedly, and reads it back from the other replica.
struct Caller {
    clients: [Client; 2],
    measurements: Arc<Measurements>,
    others: Vec<String>,
    path: String,
    id: Value,
    number: usize,
}

impl Caller {
    async fn ask(&self, asking: impl Future<Output = Answer>) -> Value {
        let started = Instant::now();
        let answer = asking.await;
        self.measurements
            .times
            .lock()
            .expect("the lock is not poisoned")
            .push(started.elapsed());

        if answer.status != 200 {
            self.measurements.failed.fetch_add(1, Ordering::Relaxed);
            println!("  failed: {}", answer.text());
        }

        answer.json()
    }

    async fn round(&self, round: usize) {
        let [writing, reading] = [round % 2, (round + 1) % 2].map(|replica| &self.clients[replica]);
        let phone = format!("+49 {} {round:06}", 1_000 + self.number);
        let body = json!({ "phone": phone, "notes": format!("Round {round}.") });

        self.ask(writing.patch(&self.path, body)).await;
        let read = self
            .ask(reading.get(&format!("{}/personal-data", self.path)))
            .await;
        let found = self
            .ask(reading.post("/v1/customers/search", json!({ "phone": phone })))
            .await;

        let other = &self.others[round * 7 % self.others.len()];
        self.ask(reading.get(&format!("{other}/personal-data")))
            .await;
        self.ask(reading.get(other)).await;

        let is_found = found["items"]
            .as_array()
            .is_some_and(|items| items.iter().any(|item| item["id"] == self.id));
        if read["phone"] != json!(phone)
            || read["notes"] != json!(format!("Round {round}."))
            || !is_found
        {
            self.measurements.stale.fetch_add(1, Ordering::Relaxed);
            println!("  stale: {read}");
        }
    }
}

#[tokio::main]
async fn main() {
    let rows: usize = std::env::var("ROWS")
        .ok()
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(100_000);

    let [old, new] = [(); 2].map(|()| {
        KeyRing::generate(&Random::default())
            .expose_secret()
            .trim()
            .to_owned()
    });

    let (announced, turned) = (format!("{old} {new}"), format!("{new} {old}"));
    let app = TestApp::builder(fixture::platform())
        .setting("crypto.keys", announced.clone())
        .start()
        .await;
    let owner = app.actor(BuiltInRole::Owner).await;
    let serving = app.database_url().expose_secret().to_owned();

    let owning = app.owner_url().expose_secret().to_owned();
    let run = move |ring: String, arguments: Vec<String>| {
        let environment = [
            ("MAINSTAY_ENVIRONMENT", "development".to_owned()),
            ("MAINSTAY_DATABASE_URL", serving.clone()),
            ("MAINSTAY_DATABASE_OWNER_URL", owning.clone()),
            ("MAINSTAY_CRYPTO_KEYS", ring),
        ];

        let seeding = arguments.first().is_some_and(|first| first == "seed");
        let environment = environment
            .into_iter()
            .filter(move |(name, _)| !(seeding && name.contains("OWNER")));

        tokio::task::spawn_blocking(move || {
            let (code, text) = finish(program(arguments).envs(environment));
            assert_eq!(code, Some(0), "{text}");
            text
        })
    };

    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let seeded = run(announced, words(&format!("seed --customers {rows}")))
        .await
        .expect("the command runs");
    println!("{}", seeded.trim());
    app.owner()
        .await
        .run("ANALYZE", [])
        .await
        .expect("the rows are counted");

    let replica = app
        .second_replica_with([("crypto.keys", turned.clone())])
        .await;
    let clients = [(*owner).clone(), replica.client_of(&owner)];
    let listed = clients[0].get("/v1/customers?limit=100").await.json();
    let path = |item: &Value| {
        format!(
            "/v1/customers/{}",
            item["id"].as_str().expect("the id is present")
        )
    };

    let others: Vec<_> = listed["items"]
        .as_array()
        .expect("the member is a list")
        .iter()
        .map(path)
        .collect();

    let (measurements, done) = (
        Arc::new(Measurements::default()),
        Arc::new(AtomicBool::new(false)),
    );
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let body = json!({ "full_name": "Ada", "email": format!("caller-{number}@example.org") });
        let made = clients[0].post("/v1/customers", body).await.json();
        let (clients, measurements, others) =
            (clients.clone(), measurements.clone(), others.clone());
        let caller = Caller {
            clients,
            measurements,
            others,
            path: path(&made),
            id: made["id"].clone(),
            number,
        };

        let done = done.clone();
        callers.spawn(async move {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                caller.round(round).await;
                round += 1;
            }
        });
    }

    println!(
        "{CALLERS} callers, half on a replica that seals with the old key, half on one that seals with the new key:"
    );
    tokio::time::sleep(CALM).await;
    measurements.report("before", CALM);

    for arguments in [
        "key-ring rotate kek",
        "key-ring rotate index",
        "key-ring reseal",
    ] {
        let started = Instant::now();
        let text = run(turned.clone(), words(arguments))
            .await
            .expect("the command runs");
        measurements.report(arguments, started.elapsed());
        let lines = text
            .lines()
            .filter(|line| line.contains(" in ") && line.ends_with(" s"));
        let span = started.elapsed().as_secs_f64();
        lines.for_each(|line| println!("    {line}, {:.0} rows/s", rows as f64 / span));
    }

    tokio::time::sleep(CALM).await;
    measurements.report("after", CALM);
    done.store(true, Ordering::Relaxed);
    callers.join_all().await;

    for arguments in ["key-ring rotate kek", "key-ring rotate index"] {
        run(turned.clone(), words(arguments))
            .await
            .expect("the command runs");
    }

    let status = run(turned, words("key-ring status"))
        .await
        .expect("the command runs");
    println!("{status}");

    let alone = app.second_replica_with([("crypto.keys", new)]).await;
    let client = alone.client_of(&owner);
    let (mut read, mut cursor) = (0, String::new());
    loop {
        let page = client
            .get(&format!("/v1/customers?limit=100{cursor}"))
            .await
            .assert_status(200)
            .json();
        read += page["items"].as_array().map_or(0, Vec::len);
        let Some(next) = page["next_cursor"].as_str() else {
            break;
        };
        cursor = format!("&cursor={next}");
    }

    println!("read with the new key alone: {read} of {}", rows + CALLERS);
    println!(
        "failed requests: {}, stale values: {}",
        measurements.failed.load(Ordering::Relaxed),
        measurements.stale.load(Ordering::Relaxed)
    );
}
