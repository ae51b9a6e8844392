//! Tests of log lines.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use mainstay_config::Reader;
use serde_json::Value;
use tracing::{debug, info, info_span, subscriber::with_default, warn};
use tracing_subscriber::{layer::SubscriberExt, registry};

use super::*;

/// A writer that keeps its output for the test.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The log output of `events` with these settings.
fn logged(settings: &[(&str, &str)], colour: bool, events: impl FnOnce()) -> String {
    let variables = settings
        .iter()
        .map(|(variable, value)| ((*variable).to_owned(), (*value).to_owned()));
    let mut reader = Reader::new(variables);
    let settings = Settings::read(&mut reader);
    reader.finish().unwrap();

    let (output, clock) = (
        Output::default(),
        Clock::manual(mainstay_kernel::Timestamp::UNIX_EPOCH),
    );
    let writer = output.clone();
    let subscriber = registry().with(layer(&settings, colour, move || writer.clone(), clock).0);

    with_default(subscriber, events);

    String::from_utf8(output.0.lock().unwrap().clone()).unwrap()
}

/// The JSON object of each line.
fn json(events: impl FnOnce()) -> Vec<Value> {
    let log = logged(&[], false, events);
    log.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect()
}

fn pretty(events: impl FnOnce()) -> String {
    logged(
        &[("MAINSTAY_TELEMETRY_LOG_FORMAT", "pretty")],
        false,
        events,
    )
}

#[test]
fn a_line_is_one_json_object() {
    let log = logged(
        &[],
        false,
        || info!(target: "shop", count = 3_u64, ok = true, ratio = 0.5, name = "x", "sold"),
    );

    assert_eq!(
        log,
        concat!(
            r#"{"timestamp":"1970-01-01T00:00:00.000000Z","level":"INFO","target":"shop","message":"sold","#,
            r#""count":3,"ok":true,"ratio":0.5,"name":"x"}"#,
            "\n"
        )
    );
}

#[test]
fn a_line_for_people_is_plain_text() {
    let log = pretty(|| info!(target: "shop", count = 3, name = "x y", "sold"));
    assert_eq!(log, "00:00:00 INFO  sold count=3 name=\"x y\"\n");

    let coloured = logged(
        &[("MAINSTAY_TELEMETRY_LOG_FORMAT", "pretty")],
        true,
        || warn!(target: "shop", "gone"),
    );
    assert_eq!(coloured, "00:00:00 \x1b[33mWARN \x1b[0m shop: gone\n");
}

#[test]
fn a_request_is_a_short_line_for_people() {
    let log = pretty(|| {
        let span = info_span!("request", request_id = "r-1");
        let _entered = span.enter();
        info!(
            method = "GET",
            route = "/v1/things/{id}",
            status = 200_u16,
            microseconds = 2117,
            "answered"
        );
        warn!(target: "shop", status = 500_u16, "answered");
        info!(route = "/x status=1", "answered");
    });

    assert_eq!(
        log,
        "00:00:00 INFO  answered GET /v1/things/{id} 200 microseconds=2117\n\
         00:00:00 WARN  shop: answered status=500 request_id=\"r-1\"\n\
         00:00:00 INFO  answered /x\\u0020status\\u003d1\n"
    );
}

#[test]
fn a_value_can_neither_end_its_line_nor_control_the_terminal() {
    let hostile = "x\"}\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[2J\u{9b}0m\u{2028}";
    let events = || {
        let shown = format!("message {hostile}");
        info!(text = hostile, debugged = ?hostile, displayed = %hostile, "{shown}");
    };
    let lines = json(events);

    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["level"], &lines[0]["text"]),
        (&Value::from("INFO"), &Value::from(hostile))
    );
    assert_eq!(lines[0]["message"], format!("message {hostile}"));

    for log in [logged(&[], false, events), pretty(events)] {
        let line = log.strip_suffix('\n').unwrap();
        assert!(
            !line.contains(|character: char| character.is_control() || character == '\u{2028}'),
            "{line:?}"
        );
    }
}

#[test]
fn a_value_cannot_look_like_a_field() {
    let log = pretty(|| info!(text = "x\" admin=\"true", "seen"));
    assert_eq!(
        log.split_once("seen ").unwrap().1,
        "text=\"x\\\" admin=\\\"true\"\n"
    );
}

#[test]
fn fields_that_are_named_like_secrets_are_redacted() {
    const CANARY: &str = "correct-horse";

    let events = || {
        let span = info_span!("login", password = CANARY, request_id = "r-1");
        let _entered = span.enter();
        let error = io::Error::other(CANARY);
        info!(
            password = CANARY,
            http.authorization = %CANARY,
            api_key = ?CANARY,
            token = 4_242_u64,
            pin = -4_242_i64,
            cookie = 42.42,
            client_secret = &error as &dyn std::error::Error,
            "signing in"
        );
    };

    for log in [logged(&[], false, events), pretty(events)] {
        assert!(
            !log.contains(CANARY) && !log.contains("4242") && !log.contains("42.42"),
            "{log}"
        );
        assert_eq!(log.matches("[redacted]").count(), 7, "{log}");
    }
}

#[test]
fn a_line_has_the_ids_of_the_nearest_request_and_trace() {
    let lines = json(|| {
        let outer = info_span!(
            "request",
            request_id = "outer",
            trace_id = tracing::field::Empty
        );

        outer.record("trace_id", "abc");
        let _outer = outer.enter();
        let _plain = info_span!("query").entered();

        info!("from the outer span");
        info!(request_id = "own", "from the event");

        let _inner = info_span!("job", request_id = %"inner").entered();
        info!("from the inner span");
    });

    let ids: Vec<_> = lines
        .iter()
        .map(|line| (line["request_id"].as_str(), line["trace_id"].as_str()))
        .collect();
    assert_eq!(
        ids,
        [
            (Some("outer"), Some("abc")),
            (Some("own"), Some("abc")),
            (Some("inner"), Some("abc"))
        ]
    );
}

#[test]
fn a_filter_for_warnings_keeps_the_request_id() {
    let log = logged(
        &[("MAINSTAY_TELEMETRY_LOG_FILTER", "warn,noisy=debug")],
        false,
        || {
            let _span = info_span!("request", request_id = "r-1").entered();
            info!("left out");
            warn!("written");
            debug!(target: "noisy", "written too");
        },
    );

    assert_eq!(log.matches("written").count(), 2, "{log}");
    assert_eq!(log.matches(r#""request_id":"r-1""#).count(), 2, "{log}");
    assert!(!log.contains("left out"));
}

#[test]
fn an_event_cannot_overwrite_the_fields_of_the_line() {
    let log = logged(&[], false, || {
        let _span = info_span!("request", request_id = "span").entered();
        info!(
            level = "ERROR",
            timestamp = 0,
            target = "x",
            request_id = "event",
            "seen"
        );
    });

    for name in ["level", "timestamp", "target", "request_id"] {
        assert_eq!(log.matches(&format!("\"{name}\":")).count(), 1, "{log}");
    }

    assert!(log.contains(r#""event.level":"ERROR""#));
}

#[test]
fn numbers_that_json_cannot_represent_become_text() {
    let lines = json(|| {
        info!(
            nan = f64::NAN,
            infinite = f64::INFINITY,
            large = u128::MAX,
            "numbers"
        )
    });

    assert_eq!(
        (&lines[0]["nan"], &lines[0]["infinite"]),
        (&Value::from("NaN"), &Value::from("inf"))
    );
    assert_eq!(lines[0]["large"], u128::MAX.to_string());
}

#[test]
fn an_error_is_written_with_its_sources() {
    #[derive(Debug, thiserror::Error)]
    #[error("the query failed")]
    struct Outer(#[source] io::Error);

    let error = Outer(io::Error::other("the connection is gone"));
    let lines = json(|| warn!(error = &error as &dyn std::error::Error, "failed"));
    assert_eq!(
        lines[0]["error"],
        "the query failed: the connection is gone"
    );
}

#[test]
fn a_value_that_logs_in_its_debug_does_not_break_lines() {
    struct Chatty;

    impl fmt::Debug for Chatty {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            info!("inner");
            f.write_str("chatty")
        }
    }

    let lines = json(|| info!(before = 1, value = ?Chatty, after = 2, "outer"));
    let outer = lines.last().unwrap();
    assert_eq!(
        (&outer["before"], &outer["value"], &outer["after"]),
        (&1.into(), &"chatty".into(), &2.into())
    );
}

#[test]
fn a_reused_buffer_contains_nothing_of_the_last_line() {
    let lines = json(|| {
        info!(first = "x".repeat(2 * KEPT_CAPACITY), "long");
        info!(second = 2, "short");
        info!("none");
    });
    assert!(lines[1].get("first").is_none() && lines[2].get("second").is_none());
    assert_eq!(lines[2].as_object().unwrap().len(), 4);
}

/// More verbose steps apply to the platform's own crates, never to libraries.
#[test]
fn the_level_changes_in_steps() {
    let (output, clock) = (
        Output::default(),
        Clock::manual(mainstay_kernel::Timestamp::UNIX_EPOCH),
    );
    let writer = output.clone();
    let settings = Settings::read(&mut Reader::new([]));
    let (layer, level) = layer(&settings, false, move || writer.clone(), clock);

    let log_events = || {
        debug!(target: "mainstay_http::edge", "debugged");
        debug!(target: "hyper", "headers");
        info!(target: "mainstay_http::edge", "informed");
        warn!(target: "mainstay_http::edge", "warned");
    };

    let logged = || {
        let text = std::mem::take(&mut *output.0.lock().unwrap());
        let text = String::from_utf8(text).unwrap();
        let words = ["debugged", "headers", "informed", "warned"];
        words
            .into_iter()
            .filter(|word| text.contains(word))
            .collect::<Vec<_>>()
    };

    with_default(registry().with(layer), || {
        for (step, name, words) in [
            (0, "as set", vec!["informed", "warned"]),
            (
                1,
                "as set, and the platform at debug",
                vec!["debugged", "informed", "warned"],
            ),
            (
                1,
                "as set, and the platform at trace",
                vec!["debugged", "informed", "warned"],
            ),
            (
                1,
                "as set, and the platform at trace",
                vec!["debugged", "informed", "warned"],
            ),
            (
                -1,
                "as set, and the platform at debug",
                vec!["debugged", "informed", "warned"],
            ),
            (-1, "as set", vec!["informed", "warned"]),
            (-1, "warnings only", vec!["warned"]),
            (-1, "warnings only", vec!["warned"]),
            (1, "as set", vec!["informed", "warned"]),
        ] {
            assert_eq!(level.step(step), name);
            log_events();
            assert_eq!(logged(), words, "{name}");
        }
    });
}
