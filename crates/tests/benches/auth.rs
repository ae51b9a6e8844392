//! Measures the cost of signing in: `just bench-auth`. It prints figures and asserts nothing, since
//! they depend on the machine. The service runs as a separate process with its own Postgres, so
//! that its processor time can be measured.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it prints to its user"
)]

#[path = "../tests/support/http.rs"]
mod http;
#[path = "../tests/support/program.rs"]
#[allow(dead_code, reason = "tests use more of it")]
mod program;

use std::{
    fs,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::{exchange, send};
use mainstay::kernel::ExposeSecret as _;
use mainstay_devdb::{Cluster, throwaway};
use program::{Serving, eventually, finish, program, secrets};
use serde_json::{Value, json};

const EMAIL: &str = "bench@example.org";

/// Duration of each measurement.
const SPAN: Duration = Duration::from_secs(10);

/// Ticks of processor time per second on Linux (`USER_HZ`).
const TICKS: f64 = 100.0;

struct Bench {
    api: SocketAddr,
    pid: u32,
    password: String,
    _serving: Serving,
    _cluster: Cluster,
}

#[tokio::main]
async fn main() {
    let bench = Bench::start().await;
    println!(
        "two figures per line: on this machine, and per core of the service's processor time\n"
    );

    let (count, cpu) = bench
        .repeat(4, async |bench| bench.sign_in().await.status == 201)
        .await;
    report("password logins", count, cpu);

    let (count, cpu) = bench.refreshes(4).await;
    report("refreshes", count, cpu);

    // The reader has signed in before the storm, as most people have.
    let reader = bench.session().await;
    let calm = bench.reads(&reader, SPAN / 2).await;
    let (storm, reads) = tokio::join!(bench.storm(64), async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.reads(&reader, SPAN - Duration::from_secs(2)).await
    });

    println!("\nan authenticated read of one row     p50        p99        of");
    print_times("  without other load", calm);
    print_times("  during a storm of guesses", reads);

    let Storm { answered, shed } = storm;
    println!(
        "  the storm: 64 at once, {answered} answered, {shed} refused with 503 or 429 and Retry-After"
    );
}

fn report(what: &str, count: usize, cpu: f64) {
    let seconds = SPAN.as_secs_f64();
    println!(
        "{what:20} {:8.0} a second   {:8.0} a second and core   ({:.2} ms of processor time each)",
        count as f64 / seconds,
        count as f64 / cpu,
        cpu * 1e3 / count as f64
    );
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        "{what:34} {:8.2} ms {:8.2} ms  {}",
        at(0.5),
        at(0.99),
        times.len()
    );
}

struct Storm {
    answered: usize,
    shed: usize,
}

impl Bench {
    async fn start() -> Self {
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
            ("MAINSTAY_TELEMETRY_LOG_FILTER", "warn".to_owned()),
            ("MAINSTAY_HTTP_TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
        ]);

        let succeeds = |command: &mut std::process::Command| {
            let (code, text) = finish(command);
            assert_eq!(code, Some(0), "{text}");
            text
        };

        succeeds(program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", url(&connection.owner)));

        let create = [
            "user",
            "create",
            "--email",
            EMAIL,
            "--organization",
            "Bench",
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
            .expect("the output shows it")
            .to_owned();

        // The log has the addresses at level info.
        let filter = (
            "MAINSTAY_TELEMETRY_LOG_FILTER",
            "warn,mainstay=info".to_owned(),
        );
        let mut serving = Serving::start(program(["serve"]).envs(environment).envs([filter]));
        let (api, management) = serving.addresses();
        for _ in 0..200 {
            if send(management, "GET", "/readyz", "", "").await.status == 200 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }

        Self {
            api,
            pid: serving.pid(),
            password,
            _serving: serving,
            _cluster: cluster,
        }
    }

    async fn sign_in(&self) -> http::Reply {
        let body = json!({ "email": EMAIL, "password": self.password }).to_string();
        send(self.api, "POST", "/v1/sessions", "", &body).await
    }

    async fn guess(&self, number: usize) -> http::Reply {
        let body =
            json!({ "email": format!("unknown-{number}@example.org"), "password": "not the password" }).to_string();
        let network = format!("10.{}.{}.7", number >> 8, number & 0xff);
        let head = format!(
            "Host: localhost\r\nConnection: close\r\nX-Forwarded-For: {network}\r\nContent-Length: {}",
            body.len()
        );
        let request = format!(
            "POST /v1/sessions HTTP/1.1\r\n{head}\r\nContent-Type: application/json\r\n\r\n{body}"
        );
        exchange(self.api, request).await
    }

    async fn session(&self) -> Value {
        let reply = self.sign_in().await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.json()
    }

    /// Repeats `work`, `at_once` at a time. Returns how often it succeeded, and the service's
    /// processor time in seconds.
    async fn repeat(&self, at_once: usize, work: impl AsyncFn(&Self) -> bool) -> (usize, f64) {
        let (before, end) = (self.processor_time(), Instant::now() + SPAN);
        let workers = (0..at_once).map(async |_| {
            let mut done = 0;
            while Instant::now() < end {
                done += usize::from(work(self).await);
            }
            done
        });
        let done: usize = join_all(workers).await.into_iter().sum();
        (done, self.processor_time() - before)
    }

    async fn refreshes(&self, at_once: usize) -> (usize, f64) {
        let mut sessions = Vec::new();
        for _ in 0..at_once {
            sessions.push(self.session().await);
        }

        let (before, end) = (self.processor_time(), Instant::now() + SPAN);
        let workers = sessions.into_iter().map(async |mut session| {
            let mut done = 0;
            while Instant::now() < end {
                let body = json!({ "refresh_token": session["refresh_token"] }).to_string();
                let reply = send(self.api, "POST", "/v1/sessions/current/refresh", "", &body).await;
                assert_eq!(reply.status, 200, "{reply:?}");
                session = reply.json();
                done += 1;
            }
            done
        });

        let done: usize = join_all(workers).await.into_iter().sum();
        (done, self.processor_time() - before)
    }

    /// Durations of sequential reads.
    async fn reads(&self, session: &Value, span: Duration) -> Vec<Duration> {
        let token = session["access_token"]
            .as_str()
            .expect("the response has a token");
        let body = json!({ "full_name": "Ada", "email": "ada@example.org" }).to_string();
        let path = send(self.api, "POST", "/v1/customers", token, &body)
            .await
            .header("location")
            .to_owned();
        let (mut times, end) = (Vec::new(), Instant::now() + span);

        while Instant::now() < end {
            let started = Instant::now();
            assert_eq!(send(self.api, "GET", &path, token, "").await.status, 200);
            times.push(started.elapsed());
        }

        times
    }

    /// Guesses passwords, each for another account and from another network, so that no limit
    /// applies but the queue of the password hasher.
    async fn storm(&self, at_once: usize) -> Storm {
        let (sent, answered, shed) = (
            AtomicUsize::new(0),
            AtomicUsize::new(0),
            AtomicUsize::new(0),
        );

        let end = Instant::now() + SPAN;
        let workers = (0..at_once).map(async |_| {
            while Instant::now() < end {
                let reply = self.guess(sent.fetch_add(1, Ordering::Relaxed)).await;
                match reply.status {
                    401 => answered.fetch_add(1, Ordering::Relaxed),
                    503 | 429 => {
                        assert!(!reply.header("retry-after").is_empty(), "{reply:?}");
                        shed.fetch_add(1, Ordering::Relaxed)
                    }
                    _ => panic!("{reply:?}"),
                };
            }
        });

        join_all(workers).await;

        Storm {
            answered: answered.into_inner(),
            shed: shed.into_inner(),
        }
    }

    /// Processor time of the service so far, in seconds (proc(5): `utime` and `stime`).
    fn processor_time(&self) -> f64 {
        let path = format!("/proc/{}/stat", self.pid);
        let stat = eventually("the process exists", || fs::read_to_string(&path).ok());
        let fields: Vec<_> = stat
            .rsplit(')')
            .next()
            .expect("the name is in parentheses")
            .split_whitespace()
            .collect();
        let ticks = |position: usize| {
            fields[position]
                .parse::<f64>()
                .expect("the column is a number")
        };
        (ticks(11) + ticks(12)) / TICKS
    }
}
