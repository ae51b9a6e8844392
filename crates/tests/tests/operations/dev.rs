//! `dev`, the command of the first minute: everything from one command, and nothing left when it ends.

use std::{
    fs::{self, Permissions},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    http::send,
    program::{Serving, eventually, finish, program},
};

/// A data directory of a test's own, whose ports nobody else uses.
struct Place {
    directory: TempDir,
    port: u16,
}

/// What a running `dev` tells.
struct Facts(Value);

impl Place {
    fn new() -> Self {
        let mut builder = tempfile::Builder::new();
        // Postgres runs as somebody else when the test runs as root, and must get in.
        let directory = builder
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("there is room");
        Self {
            directory,
            port: free_port(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    fn command(&self) -> Command {
        let mut command = program(["dev", "--port", &self.port.to_string()]);
        command
            .arg("--data-dir")
            .arg(self.data_dir())
            .arg("--ready-file")
            .arg(self.path("facts.json"));
        command
    }

    /// Starts `dev` and waits until it says that it is ready.
    fn start(&self) -> (Serving, Facts) {
        // One that was killed has left its facts behind; `dev` removes them, but perhaps not before they are looked for.
        fs::remove_file(self.path("facts.json")).ok();
        let mut dev = Serving::start(&mut self.command());
        let facts = eventually("`dev` is ready", || {
            let running = dev.is_running();
            let text = fs::read(self.path("facts.json")).ok();
            assert!(running || text.is_some(), "{}", dev.log());
            serde_json::from_slice(&text?).ok()
        });
        (dev, Facts(facts))
    }

    /// How many processes name the data directory: Postgres and what watches over it.
    fn processes(&self) -> usize {
        let needle = self.data_dir().display().to_string();
        command_lines()
            .iter()
            .filter(|line| line.contains(&needle))
            .count()
    }
}

/// The command line of every process, from `/proc`, or from `ps` where there is none.
fn command_lines() -> Vec<String> {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();

    match fs::read_dir("/proc") {
        Ok(entries) => entries
            .flatten()
            .filter_map(|it| fs::read(it.path().join("cmdline")).ok())
            .map(text)
            .collect(),
        Err(_) => {
            let listed = Command::new("ps")
                .args(["-axww", "-o", "args="])
                .output()
                .expect("there is ps");
            text(listed.stdout).lines().map(str::to_owned).collect()
        }
    }
}

/// A port for the API that is free, and so is the one for health and metrics, 1,000 above.
fn free_port() -> u16 {
    eventually("two ports are free", || {
        let listener = TcpListener::bind("127.0.0.1:0").ok()?;
        let port = listener.local_addr().ok()?.port();
        let above = port.checked_add(1_000)?;
        TcpListener::bind(("127.0.0.1", above))
            .is_ok()
            .then_some(port)
    })
}

impl Facts {
    fn text(&self, pointer: &str) -> String {
        self.0
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer}: {}", self.0))
            .to_owned()
    }

    fn address(&self, pointer: &str) -> SocketAddr {
        let url = self.text(pointer);
        let port = url
            .strip_prefix("http://localhost:")
            .and_then(|port| port.parse().ok());
        SocketAddr::from((
            [127, 0, 0, 1],
            port.expect("a URL of this machine, by its name"),
        ))
    }

    async fn sign_in(&self) -> String {
        let body =
            json!({ "email": self.text("/admin/email"), "password": self.text("/admin/password") });
        let reply = send(
            self.address("/url"),
            "POST",
            "/v1/sessions",
            "",
            &body.to_string(),
        )
        .await;

        assert_eq!(reply.status, 201, "{reply:?}");

        reply.json()["access_token"]
            .as_str()
            .expect("a token")
            .to_owned()
    }

    /// All customers, page by page.
    async fn count_customers(&self, token: &str) -> usize {
        let (mut count, mut path) = (0, "/v1/customers?limit=100".to_owned());
        loop {
            let page = send(self.address("/url"), "GET", &path, token, "")
                .await
                .json();
            count += page["items"].as_array().expect("a page").len();
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/customers?limit=100&cursor={cursor}"),
                None => return count,
            }
        }
    }
}

/// What `/dev/mail` answers to a request for a host.
fn mail_for(api: SocketAddr, host: &str) -> String {
    let mut stream = TcpStream::connect(api).expect("it listens");
    write!(
        stream,
        "GET /dev/mail HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[tokio::test]
async fn one_command_serves_and_leaves_nothing() {
    let place = Place::new();
    let (mut dev, facts) = place.start();
    let (api, management) = (facts.address("/url"), facts.address("/management_url"));

    assert_eq!(api.port(), place.port);

    let mode = fs::metadata(place.path("facts.json"))
        .expect("it is written")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "others can read the password");

    for told in ["/admin/password", "/mail_url"] {
        assert!(
            dev.log().contains(&facts.text(told)),
            "{told}: {}",
            dev.log()
        );
    }

    assert!(facts.text("/mail_url").ends_with("/dev/mail"));

    let token = facts.sign_in().await;
    assert_eq!(facts.count_customers(&token).await, 300);

    for (address, path, status) in [
        (api, "/docs", 200),
        (api, "/dev/mail", 200),
        (api, "/openapi.json", 200),
        (api, "/v1/me", 401),
        (management, "/readyz", 200),
    ] {
        assert_eq!(
            send(address, "GET", path, "", "").await.status,
            status,
            "{path}"
        );
    }

    assert!(
        send(management, "GET", "/metrics", "", "")
            .await
            .body
            .contains("http_server_request_duration_seconds")
    );

    // A page of another site whose name leads to this machine does not read the mail with its tokens.
    assert!(mail_for(api, "evil.example").starts_with("HTTP/1.1 421"));
    assert!(mail_for(api, &format!("localhost:{}", place.port)).starts_with("HTTP/1.1 200"));

    let (code, text) = finish(&mut place.command());
    assert_eq!(code, Some(1));
    assert!(
        text.contains("another `dev` is using") && text.contains("--data-dir"),
        "{text}"
    );

    // Another directory, but the same port: told before anything is made.
    let taken = Place {
        directory: Place::new().directory,
        port: place.port,
    };
    let (code, text) = finish(&mut taken.command());

    assert_eq!(code, Some(1));
    assert!(
        text.contains("is in use") && text.contains("--port"),
        "{text}"
    );
    assert!(!taken.data_dir().exists());

    // And so is a setting that is wrong.
    let (code, text) = finish(Place::new().command().env("MAINSTAY_HTTP_DEADLINE", "soon"));
    assert!(
        code == Some(1) && text.contains("1 setting is wrong:\n  MAINSTAY_HTTP_DEADLINE"),
        "{text}"
    );

    let mut seed = program(["seed", "--customers", "1000", "--data-dir"]);
    let (code, text) = finish(seed.arg(place.data_dir()));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("added 1000 customers"), "{text}");
    assert_eq!(facts.count_customers(&token).await, 1_300);

    // Its log is for people: nothing that sounds like trouble, a short line for a request, and none for a page.
    let log = dev.log();
    for trouble in ["WARN", "ERROR", "could not open all", "missed earlier"] {
        // A machine on which other tests run is slow; that is no trouble of `dev`.
        let told = log.lines().filter(|line| !line.contains("slow statement"));
        assert!(
            told.into_iter().all(|line| !line.contains(trouble)),
            "{trouble}: {log}"
        );
    }

    let answered: Vec<_> = log
        .lines()
        .filter(|line| line.contains(" answered "))
        .collect();
    assert!(
        answered
            .iter()
            .any(|line| line.contains("INFO  answered GET /v1/me 401 ")),
        "{log}"
    );

    assert!(
        answered
            .iter()
            .all(|line| line.len() < 100 && !line.contains("/docs")),
        "{log}"
    );

    assert!(place.processes() > 1, "the search for processes finds none");

    dev.signal("INT");
    assert_eq!(dev.exit_code(), Some(0), "{}", dev.log());

    eventually("nothing runs any more", || {
        (place.processes() == 0).then_some(())
    });

    assert!(!place.path("facts.json").exists());
}

/// Free ports are found, and told.
#[tokio::test]
async fn a_free_port_is_chosen() {
    let place = Place {
        port: 0,
        ..Place::new()
    };
    let (mut dev, facts) = place.start();
    let (api, management) = (facts.address("/url"), facts.address("/management_url"));

    assert!(api.port() != 0 && management.port() != 0 && api != management);
    assert!(dev.log().contains(&facts.text("/url")), "{}", dev.log());
    assert_eq!(send(api, "GET", "/v1/me", "", "").await.status, 401);

    facts.sign_in().await;
    dev.signal("TERM");
    assert_eq!(dev.exit_code(), Some(0), "{}", dev.log());
}

#[test]
fn a_data_directory_that_is_a_file_is_called_one() {
    let place = Place::new();
    fs::write(place.data_dir(), "").expect("it is written");
    let (code, text) = finish(&mut place.command());
    assert_eq!(code, Some(1));
    assert!(
        text.contains(&format!(
            "{} is a file, not a directory",
            place.data_dir().display()
        )),
        "{text}"
    );
}

/// It may be killed at any time: the next one takes over, with the same data, keys and password.
#[tokio::test]
async fn after_a_kill_the_next_one_takes_over() {
    let place = Place::new();
    let (mut killed, before) = place.start();
    let token = before.sign_in().await;
    let body = json!({ "full_name": "Kept", "email": "kept@example.org" }).to_string();
    let made = send(
        before.address("/url"),
        "POST",
        "/v1/customers",
        &token,
        &body,
    )
    .await;

    assert_eq!(made.status, 201, "{made:?}");

    killed.signal("KILL");
    assert_eq!(killed.exit_code(), None, "it was killed");

    // Earlier versions wrote a signing key into this file.
    let file = place.data_dir().join("service.json");
    let mut secrets: Value =
        serde_json::from_slice(&fs::read(&file).expect("it is there")).expect("JSON");
    secrets["signing_key"] = json!("-----BEGIN PRIVATE KEY-----");
    fs::write(&file, secrets.to_string()).expect("it is written");

    let (mut dev, after) = place.start();
    assert_eq!(
        after.text("/admin/password"),
        before.text("/admin/password")
    );

    // The token of before is good, too: the signing key and the session are kept.
    assert_eq!(
        after.count_customers(&token).await,
        301,
        "sample data is made once"
    );

    let path = format!("{}/personal-data", made.header("location"));
    let revealed = send(
        after.address("/url"),
        "GET",
        &path,
        &after.sign_in().await,
        "",
    )
    .await
    .json();

    assert_eq!(revealed["full_name"], "Kept", "{revealed}");

    dev.signal("TERM");
    assert_eq!(dev.exit_code(), Some(0), "{}", dev.log());

    eventually("nothing runs any more", || {
        (place.processes() == 0).then_some(())
    });

    assert!(is_private(&place.data_dir()));
}

/// Whether others are kept away from the secrets beside the data.
fn is_private(data_dir: &Path) -> bool {
    ["service.json", "state.json"].iter().all(|name| {
        let found = fs::metadata(data_dir.join(name)).expect("it is there");
        found.permissions().mode() & 0o077 == 0
    })
}
