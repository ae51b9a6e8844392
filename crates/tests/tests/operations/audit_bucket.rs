//! Checkpoints go into an S3-compatible bucket, each once, whatever the bucket says at first.

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

/// What the bucket holds and how it behaves.
#[derive(Default)]
struct Shelf {
    objects: BTreeMap<String, String>,
    /// Heads of what was asked, in lower case.
    asked: Vec<String>,
    /// How many requests are refused from now on.
    refusals: usize,
    /// Whether every name is taken, by something else.
    is_taken: bool,
}

/// As much of S3 as a client needs to write an object once.
struct Bucket {
    address: SocketAddr,
    shelf: Arc<Mutex<Shelf>>,
}

impl Bucket {
    fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let shelf = Arc::new(Mutex::new(Shelf {
            refusals: 1,
            ..Shelf::default()
        }));
        let shared = shelf.clone();

        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shelf = shared.clone();
                // A connection that breaks is the client's to open anew.
                thread::spawn(move || while answer(&connection, &shelf).is_some() {});
            }
        });

        Self { address, shelf }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Shelf) -> T) -> T {
        look(&mut self.shelf.lock().expect("nobody panics with it"))
    }
}

fn answer(connection: &TcpStream, shelf: &Mutex<Shelf>) -> Option<()> {
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
    let mut shelf = shelf.lock().ok()?;

    shelf.asked.push(lower);

    let (status, body) = if shelf.refusals > 0 {
        shelf.refusals -= 1;
        ("403 Forbidden", String::new())
    } else if method == "GET" {
        (
            "200 OK",
            shelf
                .objects
                .get(path)
                .cloned()
                .unwrap_or_else(|| "something else".to_owned()),
        )
    } else if shelf.is_taken || shelf.objects.contains_key(path) {
        ("412 Precondition Failed", String::new())
    } else {
        shelf
            .objects
            .insert(path.to_owned(), String::from_utf8(body).ok()?);
        ("200 OK", String::new())
    };

    drop(shelf);
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

    // The first attempt is refused, and the checkpoint is there all the same.
    let first = tokio::task::block_in_place(|| {
        eventually("the first checkpoint is there", || {
            bucket.with(|shelf| shelf.objects.clone().pop_first())
        })
    });

    assert!(
        first.0.starts_with("/evidence/api/log/00000000000000000"),
        "{first:?}"
    );

    bucket.with(|shelf| {
        let put = shelf.asked.iter().filter(|head| head.starts_with("put "));
        assert!(
            put.clone().count() >= 2
                && put
                    .clone()
                    .all(|head| head.contains("\r\nif-none-match: *\r\n"))
        );

        assert!(
            shelf
                .asked
                .iter()
                .all(|head| head.contains("\r\nauthorization: aws4-hmac-sha256 "))
        );
    });

    let kept = tempfile::NamedTempFile::new().expect("there is room");
    std::fs::write(kept.path(), &first.1).expect("it is written");

    let verify = [
        "audit",
        "verify",
        "--checkpoint",
        &kept.path().display().to_string(),
    ];

    let (code, told) = finish(program(verify).envs(environment.clone()));
    assert_eq!(code, Some(0), "{told}");

    // Something else stands where the next one goes: it is not written over, and the log says so. Sealing goes on.
    bucket.with(|shelf| shelf.is_taken = true);

    let body = json!({ "full_name": "Ada", "email": "ada@example.org" });
    agent.post("/v1/customers", body).await.assert_status(201);

    let contradiction = "was not published";
    tokio::task::block_in_place(|| {
        eventually("the contradiction is told", || {
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
        .expect("it is counted");

    assert_eq!(rows[0].get::<i64>(0).expect("a number"), 1);

    bucket.with(|shelf| shelf.is_taken = false);
    tokio::task::block_in_place(|| {
        eventually("it is published after all", || {
            bucket.with(|shelf| (shelf.objects.len() > 1).then_some(()))
        });
    });

    serving.signal("TERM");
    assert_eq!(serving.exit_code(), Some(0), "{}", serving.log());
}
