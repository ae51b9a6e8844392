//! Tests of traces.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc,
};

use mainstay_config::{Reader, Setting};
use mainstay_kernel::Clock;
use tracing::{info, info_span, subscriber::with_default};
use tracing_subscriber::{layer::SubscriberExt, registry};

use super::*;
use crate::parent_of;

/// A request that a collector received.
struct Received {
    head: String,
    body: Vec<u8>,
}

impl Received {
    fn holds(&self, bytes: impl AsRef<[u8]>) -> bool {
        let bytes = bytes.as_ref();
        self.body.windows(bytes.len()).any(|window| window == bytes)
    }
}

/// A collector that accepts one request, and its URL.
fn collector() -> (CollectorUrl, mpsc::Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = CollectorUrl::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            stream.read_line(&mut head).unwrap();
        }

        let length = head
            .to_lowercase()
            .split("content-length: ")
            .nth(1)
            .unwrap()
            .lines()
            .next()
            .unwrap()
            .parse()
            .unwrap();

        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        sender.send(Received { head, body }).unwrap();
    });

    (url, receiver)
}

fn settings(ratio: &str) -> Settings {
    let variables = [
        ("MAINSTAY_TELEMETRY_SERVICE_NAME", "shop"),
        ("MAINSTAY_TELEMETRY_SAMPLE_RATIO", ratio),
    ];
    Settings::read(&mut Reader::new(
        variables.map(|(variable, value)| (variable.to_owned(), value.to_owned())),
    ))
}

const TRACE: [u8; 16] = [
    0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c,
];
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn in_callers_trace(work: impl FnOnce()) {
    let span = info_span!(
        "GET /v1/things",
        password = "correct-horse",
        route = "/v1/things"
    );
    parent_of(|name| (name == "traceparent").then_some(TRACEPARENT))
        .unwrap()
        .adopt(&span);
    span.in_scope(work);
}

// Runs within a runtime like the service: a blocking client must be neither created nor dropped on
// such a thread.
#[tokio::test]
async fn spans_reach_the_collector_without_their_secrets() {
    let (url, requests) = collector();
    let settings = settings("1");
    let provider = provider(&settings, &url).unwrap();

    with_default(registry().with(layer(&provider)), || {
        in_callers_trace(|| info!(api_key = "battery-staple", colour = "green", "handled"));
    });
    provider.shutdown().unwrap();

    let request = requests.recv().unwrap();
    assert!(
        request.head.starts_with("POST /v1/traces HTTP/1.1\r\n"),
        "{}",
        request.head
    );
    assert!(
        request
            .head
            .to_lowercase()
            .contains("content-type: application/x-protobuf")
    );

    for expected in [
        "shop",
        "GET /v1/things",
        "route",
        "handled",
        "green",
        "password",
        "[redacted]",
    ] {
        assert!(request.holds(expected), "{expected}");
    }

    assert!(
        request.holds(TRACE),
        "the span belongs to the caller's trace"
    );
    assert!(!request.holds("correct-horse") && !request.holds("battery-staple"));
}

#[test]
fn a_callers_flag_does_not_force_sampling() {
    let (url, requests) = collector();
    let provider = provider(&settings("0"), &url).unwrap();
    with_default(registry().with(layer(&provider)), || {
        in_callers_trace(|| info!("handled"))
    });
    provider.shutdown().unwrap();
    assert!(requests.try_recv().is_err(), "nothing is sent");
}

#[test]
fn a_log_line_has_the_id_of_the_exported_trace() {
    let (url, _requests) = collector();
    let settings = Settings {
        otlp_endpoint: Some(url.clone()),
        ..settings("1")
    };
    let provider = provider(&settings, &url).unwrap();
    let (log, written) = mpsc::channel::<Vec<u8>>();
    let writer = move || Sent(log.clone());
    let (logs, _) = crate::logs::layer(&settings, false, writer, Clock::default());

    with_default(registry().with(logs).with(Some(layer(&provider))), || {
        in_callers_trace(|| info_span!("query").in_scope(|| info!("handled")));
    });

    let line = String::from_utf8(written.recv().unwrap()).unwrap();
    assert!(
        line.contains(r#""trace_id":"0af7651916cd43dd8448eb211c80319c""#),
        "{line}"
    );
}

#[test]
fn an_export_does_not_cause_the_next_one() {
    let (url, requests) = collector();
    let provider = provider(&settings("1"), &url).unwrap();
    with_default(registry().with(layer(&provider)), || {
        info_span!(target: "hyper::client", "connect").in_scope(|| {});
        info_span!(target: "hyperion", "someone else's").in_scope(|| {});
    });
    provider.shutdown().unwrap();
    let request = requests.recv().unwrap();
    assert!(request.holds("someone else's") && !request.holds("connect"));
}

/// A writer that sends each line to a channel.
struct Sent(mpsc::Sender<Vec<u8>>);

impl Write for Sent {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
