//! Checkpoints are written to an S3-compatible bucket, each once, even when the bucket fails at
//! first.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::TestApp;
use serde_json::json;

use crate::program::{Serving, beside, eventually, finish, program};

/// The bucket's objects and behaviour.
#[derive(Default)]
struct Contents {
    objects: BTreeMap<String, String>,
    /// Heads of the requests, in lower case.
    asked: Vec<String>,
    /// Number of requests to refuse from now on.
    refusals: usize,
    /// Whether every name is taken by another object.
    is_taken: bool,
}

/// The part of S3 that a client needs to write an object once.
struct Bucket {
    address: SocketAddr,
    contents: Arc<Mutex<Contents>>,
}

impl Bucket {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener.local_addr().expect("the port is bound");
        let contents = Arc::new(Mutex::new(Contents {
            refusals: 1,
            ..Contents::default()
        }));
        let shared = contents.clone();

        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let contents = shared.clone();
                // The client reopens a broken connection.
                thread::spawn(move || while answer(&connection, &contents).is_some() {});
            }
        });

        Self { address, contents }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Contents) -> T) -> T {
        look(&mut self.contents.lock().expect("the lock is not poisoned"))
    }
}

fn answer(connection: &TcpStream, contents: &Mutex<Contents>) -> Option<()> {
    let mut reader = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }

    let lower = head.to_lowercase();
    let length = lower
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];

    reader.read_exact(&mut body).ok()?;
    let (method, path) = head
        .split_once(' ')
        .and_then(|(method, rest)| Some((method, rest.split_once(' ')?.0)))?;
    let mut contents = contents.lock().ok()?;

    contents.asked.push(lower);

    let (status, body) = if contents.refusals > 0 {
        contents.refusals -= 1;
        ("403 Forbidden", String::new())
    } else if method == "GET" {
        (
            "200 OK",
            contents
                .objects
                .get(path)
                .cloned()
                .unwrap_or_else(|| "something else".to_owned()),
        )
    } else if contents.is_taken || contents.objects.contains_key(path) {
        ("412 Precondition Failed", String::new())
    } else {
        contents
            .objects
            .insert(path.to_owned(), String::from_utf8(body).ok()?);
        ("200 OK", String::new())
    };

    drop(contents);
    let modified = "Last-Modified: Tue, 24 Nov 2026 00:00:00 GMT";
    let length = body.len();
    let mut connection = connection;

    write!(
        connection,
        "HTTP/1.1 {status}\r\nETag: \"1\"\r\n{modified}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_written_to_a_bucket_once_each() {
    let (app, mut environment) =
        beside(TestApp::builder(fixture::platform()).setting("jobs.in_process", "false")).await;
    let agent = app.actor(Agent).await;
    let bucket = Bucket::start();
    environment.extend([
        ("MAINSTAY_AUDIT_PUBLISH", "s3://evidence/api/log".to_owned()),
        ("MAINSTAY_AUDIT_PUBLISH_EVERY", "50ms".to_owned()),
        ("AWS_ENDPOINT", format!("http://{}", bucket.address)),
        ("AWS_ALLOW_HTTP", "true".to_owned()),
        ("AWS_REGION", "eu-central-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ]);

    let mut serving = Serving::start(program(["serve"]).envs(environment.clone()));

    // The first attempt is refused, but the checkpoint is written.
    let first = tokio::task::block_in_place(|| {
        eventually("the first checkpoint is written", || {
            bucket.with(|contents| contents.objects.clone().pop_first())
        })
    });

    assert!(
        first.0.starts_with("/evidence/api/log/00000000000000000"),
        "{first:?}"
    );

    bucket.with(|contents| {
        let put = contents
            .asked
            .iter()
            .filter(|head| head.starts_with("put "));
        assert!(
            put.clone().count() >= 2
                && put
                    .clone()
                    .all(|head| head.contains("\r\nif-none-match: *\r\n"))
        );

        assert!(
            contents
                .asked
                .iter()
                .all(|head| head.contains("\r\nauthorization: aws4-hmac-sha256 "))
        );
    });

    let kept = tempfile::NamedTempFile::new().expect("the temporary file is created");
    std::fs::write(kept.path(), &first.1).expect("the write succeeds");

    let verify = [
        "audit",
        "verify",
        "--checkpoint",
        &kept.path().display().to_string(),
    ];

    let (code, output) = finish(program(verify).envs(environment.clone()));
    assert_eq!(code, Some(0), "{output}");

    // Another object has the next name: it is not overwritten, the log reports it, and sealing
    // continues.
    bucket.with(|contents| contents.is_taken = true);

    let body = json!({ "full_name": "Ada", "email": "ada@example.org" });
    agent.post("/v1/customers", body).await.assert_status(201);

    let contradiction = "was not published";
    tokio::task::block_in_place(|| {
        eventually("the contradiction is logged", || {
            let log = serving.log();
            log.lines()
                .any(|line| line.contains(contradiction) && line.contains("restored or rewritten"))
                .then_some(())
        });
    });

    const SEALED: &str = r"
        SELECT count(*)
        FROM audit_leaves l
        JOIN audit_events e ON e.id = l.event_id
        WHERE e.action = 'customer.created'
    ";

    let rows = app
        .owner()
        .await
        .run(SEALED, [])
        .await
        .expect("the rows are counted");

    assert_eq!(rows[0].get::<i64>(0).expect("the column is a number"), 1);

    bucket.with(|contents| contents.is_taken = false);
    tokio::task::block_in_place(|| {
        eventually("the checkpoint is published later", || {
            bucket.with(|contents| (contents.objects.len() > 1).then_some(()))
        });
    });

    serving.signal("TERM");
    assert_eq!(serving.exit_code(), Some(0), "{}", serving.log());
}
