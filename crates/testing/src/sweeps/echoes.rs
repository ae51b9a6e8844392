//! Sweep: refusals that repeat what was sent.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, OnceLock},
};

use http::Method;
use mainstay::Platform;
use serde_json::{Value, json};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::{coverage::Coverage, operations::Operation, sweep::Sweep};
use crate::{Answer, Call, TestApp};

/// Canaries that no refusal may repeat, one for each JSON type.
const TEXT: &str = "Canary 7Q'\"`<>";
const NUMBER: i64 = 718_392_045_170;
const FRACTION: f64 = 7_183_920_451.725;
/// Traces of the canaries, in lower case.
const TRACES: [&str; 3] = ["canary", "718392045", "7183920451"];

/// Checks that a refusal does not repeat its input: a password may be in the wrong field. Canaries
/// of each JSON type go into every field of every body, form, query, path and header; no refusal
/// and no log line may contain one (OWASP ASVS 14.2.1, 16.2.5, 16.5.1). It reads the log of the
/// whole process, since a service logs from several threads. It therefore also reads the lines of
/// tests that run at the same time.
///
/// # Panics
/// When a canary is repeated.
pub async fn echoes(platform: Platform, coverage: Coverage) {
    let log = Log::of_process();
    let mut sweep = Sweep::start(TestApp::builder(platform)).await;

    let mut refused = 0;
    for operation in sweep.operations_in(coverage) {
        for (what, call) in calls(&mut sweep, &operation).await {
            let answer = call.send().await;
            refused += usize::from(answer.status.is_client_error());
            sweep.check_shape(&format!("{}: {what}", operation.name()), &answer);
            if let Some(place) = repeated(&answer) {
                sweep.fail(format!(
                    "{}: {what}: {place} repeats the canary: {}",
                    operation.name(),
                    answer.described()
                ));
            }
        }

        let lines = log.take();
        assert!(
            lines.contains("answered"),
            "{}: the log was not captured",
            operation.name()
        );

        if let Some(line) = lines.lines().find(|line| has_canary(line)) {
            sweep.fail(format!(
                "{}: the log repeats the canary: {line}",
                operation.name()
            ));
        }
    }

    assert!(
        coverage == Coverage::App || refused > 100,
        "only {refused} requests were refused"
    );

    sweep.finish().await;
}

async fn calls(sweep: &mut Sweep, operation: &Operation) -> Vec<(String, Call)> {
    let mut calls = in_headers(sweep, operation).await;
    calls.extend(in_path(sweep, operation));
    calls.extend(in_query(sweep, operation).await);
    if operation.takes_json() {
        calls.extend(in_json(sweep, operation).await);
    } else if operation.body.is_some() {
        calls.extend(in_form(sweep, operation).await);
    }
    calls
}

async fn in_headers(sweep: &mut Sweep, operation: &Operation) -> Vec<(String, Call)> {
    let path = sweep.path_to_a_row(operation).await;

    let headers = [
        ("authorization", "Bearer canary.canary.canary"),
        ("authorization", "Canary canary"),
        ("cookie", "__Host-session=canary"),
        ("content-type", "canary/canary"),
        ("content-encoding", "canary"),
        ("if-match", "canary"),
        ("if-none-match", "canary"),
        ("traceparent", "canary"),
        ("x-forwarded-for", "canary"),
        ("x-request-id", "canary"),
        ("origin", "https://canary.example"),
    ];

    let calls = headers.into_iter().map(|(name, value)| {
        let client = if name == "authorization" {
            sweep.app.anonymous()
        } else {
            sweep.caller(operation)
        };
        let call = client
            .request(operation.method.clone(), &path)
            .header(name, value);
        (format!("{name}: {value}"), call.body("{\"canary\""))
    });

    // Without a body to refuse, a request with a valid credential would succeed and change rows
    // that other attacks need.
    let harmless = operation.method == Method::GET || operation.body.is_some();

    calls
        .filter(|(what, _)| harmless || what.starts_with("authorization"))
        .collect()
}

fn in_path(sweep: &Sweep, operation: &Operation) -> Vec<(String, Call)> {
    if !operation.path.contains('{') {
        return Vec::new();
    }

    let ids = ["Canary%207Q", "718392045170", "%ffcanary"];
    let calls = ids.map(|id| {
        let path: Vec<_> = operation
            .path
            .split('/')
            .map(|it| if it.starts_with('{') { id } else { it })
            .collect();
        (
            format!("{id} in the path"),
            sweep
                .caller(operation)
                .request(operation.method.clone(), &path.join("/")),
        )
    });

    calls.into()
}

async fn in_query(sweep: &mut Sweep, operation: &Operation) -> Vec<(String, Call)> {
    if operation.query.is_empty() {
        return Vec::new();
    }

    let path = sweep.path_to_a_row(operation).await;
    let names = operation
        .query
        .iter()
        .map(|(name, _)| name.as_str())
        .chain(["canary"]);

    let pairs = names.flat_map(|name| texts().map(|value| format!("{name}={}", encoded(&value))));
    let queries = pairs.chain(["Canary%zz".to_owned(), "Canary=1&Canary=2".to_owned()]);
    let asked = queries.map(|query| {
        let call = sweep
            .caller(operation)
            .request(operation.method.clone(), &format!("{path}?{query}"));
        (format!("the query {query}"), call)
    });

    asked.collect()
}

async fn in_form(sweep: &mut Sweep, operation: &Operation) -> Vec<(String, Call)> {
    let path = sweep.path_to_a_row(operation).await;
    let Some((_, schema)) = &operation.body else {
        return Vec::new();
    };

    let plain = sweep.schemas.plain(schema);
    let names = plain["properties"].as_object().into_iter().flatten();
    let pairs = names.flat_map(|(name, _)| {
        texts().into_iter().flat_map(move |value| {
            let pair = format!("{name}={}", encoded(&value));
            [format!("{pair}&{pair}"), pair]
        })
    });

    let forms = pairs.chain([
        "Canary".to_owned(),
        "Canary=%zz".to_owned(),
        "Canary=%ff".to_owned(),
    ]);

    let sent = forms.map(|form| {
        let call = sweep
            .caller(operation)
            .request(operation.method.clone(), &path);
        let call = call
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.clone());
        (format!("the form {form}"), call)
    });

    sent.collect()
}

async fn in_json(sweep: &mut Sweep, operation: &Operation) -> Vec<(String, Call)> {
    let path = sweep.path_to_a_row(operation).await;
    let Some((_, schema)) = &operation.body else {
        return Vec::new();
    };

    let whole = sweep.schemas.whole(schema);
    let mut places = vec![String::new()];
    collect_places(&whole, "", &mut places);

    let bodies = places.iter().flat_map(|place| {
        let values = values().into_iter().map(|value| with(&whole, place, value));
        // Unknown member names.
        let named = [format!("{place}/canary"), format!("{place}/Canary 7Q")];
        let unknown = named
            .into_iter()
            .map(|name| with(&whole, &name, json!(TEXT)));
        values
            .chain(unknown)
            .map(|body| body.to_string())
            .collect::<Vec<_>>()
    });

    let broken = ["{\"canary\"", "canary", "{\"canary\": canary}", "\"canary"].map(str::to_owned);
    let sent = bodies.chain(broken).map(|body| {
        let call = sweep
            .caller(operation)
            .request(operation.method.clone(), &path);
        let call = call
            .header("content-type", operation.content_type())
            .body(body.clone());
        (format!("the body {body}"), call)
    });

    sent.collect()
}

/// Collects JSON Pointers to everything inside a value.
fn collect_places(value: &Value, within: &str, places: &mut Vec<String>) {
    let members = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, inner)| (name.clone(), inner));

    let items = value
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(position, it)| (position.to_string(), it));

    for (name, inner) in members.chain(items) {
        let place = format!("{within}/{name}");
        collect_places(inner, &place, places);
        places.push(place);
    }
}

/// Sets the value at a pointer, where it or its parent object exists; otherwise replaces the whole
/// body.
fn with(whole: &Value, place: &str, value: Value) -> Value {
    let mut body = whole.clone();
    if let Some(found) = body.pointer_mut(place) {
        *found = value;
    } else if let Some((parent, name)) = place.rsplit_once('/')
        && let Some(members) = body.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        members.insert(name.to_owned(), value);
    } else {
        body = value;
    }
    body
}

fn values() -> [Value; 7] {
    [
        json!(TEXT),
        json!(NUMBER),
        json!(-NUMBER),
        json!(FRACTION),
        json!([TEXT, NUMBER]),
        json!({ TEXT: NUMBER }),
        json!({ "type": TEXT, "id": { TEXT: [TEXT] } }),
    ]
}

fn texts() -> [String; 4] {
    [
        TEXT.to_owned(),
        NUMBER.to_string(),
        FRACTION.to_string(),
        format!("{TEXT}\u{e9}"),
    ]
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Where a refusal repeats a canary. A success may show its input in the body.
fn repeated(answer: &Answer) -> Option<&'static str> {
    let refused = answer.status.is_client_error() || answer.status.is_server_error();
    let in_headers = answer
        .headers
        .values()
        .any(|value| has_canary(&String::from_utf8_lossy(value.as_bytes())));
    match () {
        () if in_headers => Some("a header"),
        () if refused && has_canary(&answer.text()) => Some("the body"),
        () => None,
    }
}

fn has_canary(text: &str) -> bool {
    let text = text.to_lowercase();
    TRACES.iter().any(|trace| text.contains(trace))
}

/// The log of this process: everything of the platform, and `info` of libraries.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn of_process() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();

        let capture = || {
            let log = Self::default();
            let filter = EnvFilter::new("info,mainstay=trace,app=trace");
            let subscriber = tracing_subscriber::fmt()
                .with_env_filter(filter)
                .with_ansi(false)
                .with_writer(log.clone());
            tracing::subscriber::set_global_default(subscriber.finish())
                .expect("nothing else captures the log");
            log
        };

        LOG.get_or_init(capture).clone()
    }

    fn take(&self) -> String {
        let bytes = self
            .0
            .lock()
            .map(|mut bytes| std::mem::take(&mut *bytes))
            .unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Ok(mut kept) = self.0.lock() {
            kept.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}
