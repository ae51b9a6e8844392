//! `/metrics` of a new process, and of a queue and a log that other processes neglect.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use mainstay::{
    access::BuiltInRole::Agent,
    kernel::{Clock, Timestamp},
    telemetry::metrics::{METRICS, MetricKind},
};
use mainstay_testing::TestApp;
use mainstay_tests::root;

use crate::{
    http::send,
    program::{Serving, beside, eventually, program},
    signals::Pair,
};

/// The samples of a scrape: names with labels, and values.
struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    async fn of(management: std::net::SocketAddr) -> Self {
        let reply = send(management, "GET", "/metrics", "", "").await;
        assert_eq!(reply.status, 200);
        let samples = reply
            .body
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ').expect("a sample has a value");
            (name.to_owned(), value.parse().expect("it is a number"))
        };
        Self(samples.map(sample).collect())
    }

    /// The samples of a metric, with their labels.
    fn samples(&self, metric: &str) -> Vec<(&str, f64)> {
        let is_of = |name: &str| name.split('{').next() == Some(metric);
        self.0
            .iter()
            .filter(|(name, _)| is_of(name))
            .map(|(name, value)| (name.as_str(), *value))
            .collect()
    }

    /// The highest value of a metric.
    fn greatest(&self, metric: &str) -> Option<f64> {
        self.samples(metric)
            .into_iter()
            .map(|(_, value)| value)
            .reduce(f64::max)
    }

    /// The listed metrics that have samples; panics at an unlisted one.
    fn names(&self) -> BTreeSet<&'static str> {
        let listed = |sample: &String| {
            let name = sample.split('{').next().unwrap_or_default();
            let histogram = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end));
            let metric = METRICS
                .iter()
                .find(|metric| metric.name == name || Some(metric.name) == histogram);
            metric
                .unwrap_or_else(|| panic!("{name} is not listed"))
                .name
        };

        self.0.keys().map(listed).collect()
    }
}

/// A counter must exist before its first event, or `increase()` misses that event.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_process_exports_every_metric() {
    let folder = tempfile::tempdir().expect("the temporary file is created");
    let pair = Pair::new(folder.path());
    pair.write(2020, 2090);

    let (app, mut environment) =
        beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
    environment.extend(pair.environment());
    environment.push((
        "MAINSTAY_AUDIT_PUBLISH",
        folder.path().join("checkpoints").display().to_string(),
    ));

    let mut serving = Serving::start(program(["serve"]).envs(environment));
    let (api, management) = serving.addresses();
    pair.get(api, "/v1/me").await;

    let listed: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
    let mut scrape = Scrape::of(management).await;
    let all = async {
        while scrape.names() != listed {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            scrape = Scrape::of(management).await;
        }
    };

    let all = tokio::time::timeout(crate::http::PATIENCE, all).await;
    let missing: Vec<_> = listed.difference(&scrape.names()).copied().collect();
    assert!(all.is_ok(), "{missing:?} are missing");

    let counters = METRICS
        .iter()
        .filter(|metric| metric.kind == MetricKind::Counter);
    for metric in counters
        .filter(|metric| !["jobs_done_total", "process_cpu_seconds_total"].contains(&metric.name))
    {
        let values = scrape.samples(metric.name);
        assert!(
            !values.is_empty() && values.iter().all(|(_, value)| *value == 0.0),
            "{}: {values:?}: {}",
            metric.name,
            serving.log()
        );
    }

    // With each value of its label.
    let tasks = app
        .owner()
        .await
        .run("SELECT name FROM mainstay.periodic_tasks", [])
        .await
        .expect("the rows are read");

    for row in &tasks {
        let task: String = row.get(0).expect("the name is present");
        let sample = format!("periodic_tasks_failed_total{{task=\"{task}\"}}");
        assert!(scrape.0.contains_key(&sample), "{sample}");
    }

    assert!(scrape.0.contains_key("jobs_failed_total{kind=\"mail\"}"));

    let now = Clock::default().now().unix_timestamp() as f64;
    let one = |name| scrape.greatest(name).unwrap_or_default();
    assert!((now - one("process_start_time_seconds")).abs() < 600.0);
    assert!(one("process_resident_memory_bytes") > 1e6 && one("process_open_fds") > 3.0);
    assert!(one("process_max_fds") >= one("process_open_fds"));
    assert!(
        one("mainstay_clock_skew_seconds").abs() < 1.0,
        "the clocks should not differ: the database is on this machine"
    );
    let version = app.platform().schema_version();
    for (of, version) in [("platform", version.platform), ("app", version.app)] {
        let sample = format!("mainstay_schema_version{{of=\"{of}\"}}");
        assert_eq!(scrape.0.get(&sample), Some(&f64::from(version)), "{sample}");
    }
    assert!(
        (0.0..600.0).contains(&one("key_age_seconds")),
        "{:?}",
        scrape.samples("key_age_seconds")
    );
    assert_eq!(
        one("tls_certificate_expiry_timestamp_seconds"),
        seconds("2090-01-01T00:00:00Z")
    );
    assert!(one("periodic_task_last_success_timestamp_seconds") > now - 600.0);
}

fn seconds(moment: &str) -> f64 {
    Timestamp::parse(moment)
        .expect("the timestamp is valid")
        .unix_timestamp() as f64
}

/// Another session holds the sealer's lock without sealing: every replica reports it, in a metric
/// and in its log.
#[tokio::test(flavor = "multi_thread")]
async fn every_process_reports_unsealed_records() {
    const LOCK: &str = "SELECT pg_advisory_lock(7218340963)";

    // Four minutes ago, which the schema accepts as a slow clock.
    let clock = Clock::manual(Clock::default().now() - time::Duration::minutes(4));
    let (app, mut environment) = beside(
        TestApp::builder(fixture::platform())
            .clock(clock)
            .setting("jobs.in_process", "false"),
    )
    .await;

    let mut elsewhere = app.owner().await;
    elsewhere.run(LOCK, []).await.expect("the lock is free");
    app.actor(Agent).await;
    environment.push(("MAINSTAY_MAIL_SMTP_URL", "smtp://127.0.0.1:1".to_owned()));
    environment.push(("MAINSTAY_MAIL_FROM", "service@example.org".to_owned()));

    let mut processes: Vec<_> = ["serve", "worker"]
        .map(|command| Serving::start(program([command]).envs(environment.clone())))
        .into();
    for process in &mut processes {
        let management = process.management();
        let reported = async {
            while Scrape::of(management)
                .await
                .greatest("audit_oldest_unsealed_seconds")
                .unwrap_or_default()
                < 200.0
            {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };

        tokio::time::timeout(crate::http::PATIENCE, reported)
            .await
            .expect("the gauge reports it");

        assert!(
            Scrape::of(management)
                .await
                .greatest("audit_unsealed_records")
                .unwrap_or_default()
                >= 1.0
        );

        tokio::task::block_in_place(|| {
            eventually("the log reports it", || {
                process
                    .log()
                    .contains("audit records are not being sealed")
                    .then_some(())
            });
        });
    }
}

/// A replica reports how far its clock is behind.
#[tokio::test(flavor = "multi_thread")]
async fn the_difference_to_the_databases_clock_is_measured() {
    let clock = Clock::manual(Clock::default().now() + time::Duration::minutes(5));
    let app = TestApp::builder(fixture::platform())
        .clock(clock)
        .start()
        .await;
    let skew = app
        .database()
        .clock_skew()
        .await
        .expect("the database answers");
    let minutes = skew.as_seconds_f64() / 60.0;
    // The test's manual clock stands still meanwhile.
    assert!((3.0..=5.1).contains(&minutes), "{minutes}");
}

/// A metric that is not listed would not be documented.
#[test]
fn every_metric_of_the_code_is_listed() {
    let mut found = BTreeSet::new();
    collect(&root().join("crates"), &mut found);
    assert!(found.len() > 20, "{found:?}");
    for name in &found {
        assert!(
            METRICS.iter().any(|metric| metric.name == name),
            "{name} is not in crates/telemetry/src/metrics/list.rs"
        );
    }
}

fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("the folder is read") {
        let path = entry.expect("the row is read").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs")
            && !path.ends_with("telemetry/src/start.rs")
        {
            let text = fs::read_to_string(&path).expect("the file is text");
            for kind in ["counter", "gauge", "histogram"] {
                let call = format!("{kind}!(");
                let names = text
                    .split(&call)
                    .skip(1)
                    .filter_map(|rest| rest.trim_start().strip_prefix('"'));
                found.extend(
                    names
                        .filter_map(|rest| rest.split_once('"'))
                        .map(|(name, _)| name.to_owned()),
                );
            }
        }
    }
}
