//! The `dev` command: it starts everything, and leaves nothing running when it ends.

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

/// A data directory and free ports for one test.
struct Place {
    directory: TempDir,
    port: u16,
}

/// The facts file of a running `dev`.
struct Facts(Value);

impl Place {
    fn new() -> Self {
        let mut builder = tempfile::Builder::new();
        // When the test runs as root, Postgres runs as another user and needs access.
        let directory = builder
            .permissions(Permissions::from_mode(0o755))
            .tempdir()
            .expect("the temporary file is created");
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

    /// Starts `dev` and waits until it is ready.
    fn start(&self) -> (Serving, Facts) {
        // A killed `dev` leaves its facts file behind, which the next one may not have removed yet.
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

    /// Number of processes with the data directory in their command line: Postgres and its reaper.
    fn processes(&self) -> usize {
        let needle = self.data_dir().display().to_string();
        command_lines()
            .iter()
            .filter(|line| line.contains(&needle))
            .count()
    }
}

/// The command line of every process, from `/proc` or else `ps`.
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
                .expect("the program ps runs");
            text(listed.stdout).lines().map(str::to_owned).collect()
        }
    }
}

/// A free port for the API, with a free management port 1,000 above.
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
            port.expect("the URL has a port on localhost"),
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
            .expect("the response has a token")
            .to_owned()
    }

    /// Counts all customers, page by page.
    async fn count_customers(&self, token: &str) -> usize {
        let (mut count, mut path) = (0, "/v1/customers?limit=100".to_owned());
        loop {
            let page = send(self.address("/url"), "GET", &path, token, "")
                .await
                .json();
            count += page["items"].as_array().expect("the page has items").len();
            match page["next_cursor"].as_str() {
                Some(cursor) => path = format!("/v1/customers?limit=100&cursor={cursor}"),
                None => return count,
            }
        }
    }
}

/// The response of `/dev/mail` for a `Host` header.
fn mail_for(api: SocketAddr, host: &str) -> String {
    let mut stream = TcpStream::connect(api).expect("the API listens");
    write!(
        stream,
        "GET /dev/mail HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .expect("the bytes are sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the API answers");
    answer
}

#[tokio::test]
async fn one_command_serves_and_leaves_nothing_running() {
    let place = Place::new();
    let (mut dev, facts) = place.start();
    let (api, management) = (facts.address("/url"), facts.address("/management_url"));

    assert_eq!(api.port(), place.port);

    let mode = fs::metadata(place.path("facts.json"))
        .expect("the write succeeds")
        .permissions()
        .mode();
    assert_eq!(mode & 0o077, 0, "the password file is readable by others");

    for output in ["/admin/password", "/mail_url"] {
        assert!(
            dev.log().contains(&facts.text(output)),
            "{output}: {}",
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

    // A page of another site whose name resolves to this machine (DNS rebinding) cannot read the
    // mail.
    assert!(mail_for(api, "evil.example").starts_with("HTTP/1.1 421"));
    assert!(mail_for(api, &format!("localhost:{}", place.port)).starts_with("HTTP/1.1 200"));

    let (code, text) = finish(&mut place.command());
    assert_eq!(code, Some(1));
    assert!(
        text.contains("another `dev` is using") && text.contains("--data-dir"),
        "{text}"
    );

    // Another directory but the same port: refused before anything is created.
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

    // So is an invalid setting.
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

    // Its log is for people: no warnings, one short line per API request, and none for pages.
    let log = dev.log();
    for trouble in ["WARN", "ERROR", "could not open all", "missed earlier"] {
        // Slow statements are expected while other tests run.
        let output = log.lines().filter(|line| !line.contains("slow statement"));
        assert!(
            output.into_iter().all(|line| !line.contains(trouble)),
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

    assert!(place.processes() > 1, "no process was found");

    dev.signal("INT");
    assert_eq!(dev.exit_code(), Some(0), "{}", dev.log());

    eventually("all processes have ended", || {
        (place.processes() == 0).then_some(())
    });

    assert!(!place.path("facts.json").exists());
}

/// Chooses free ports and prints them.
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
fn a_data_directory_that_is_a_file_is_refused() {
    let place = Place::new();
    fs::write(place.data_dir(), "").expect("the write succeeds");
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

/// After `dev` was killed, the next one uses the same data, keys and password.
#[tokio::test]
async fn a_new_start_after_a_kill_keeps_data_and_keys() {
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
    assert_eq!(killed.exit_code(), None, "the process was killed");

    // Earlier versions wrote a signing key into this file.
    let file = place.data_dir().join("service.json");
    let mut secrets: Value = serde_json::from_slice(&fs::read(&file).expect("the row exists"))
        .expect("the text is JSON");
    secrets["signing_key"] = json!("-----BEGIN PRIVATE KEY-----");
    fs::write(&file, secrets.to_string()).expect("the write succeeds");

    let (mut dev, after) = place.start();
    assert_eq!(
        after.text("/admin/password"),
        before.text("/admin/password")
    );

    // The old token is still valid: the signing key and the session are kept.
    assert_eq!(
        after.count_customers(&token).await,
        301,
        "sample data is created once"
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

    eventually("all processes have ended", || {
        (place.processes() == 0).then_some(())
    });

    assert!(is_private(&place.data_dir()));
}

/// Whether the secrets in the data directory are readable by their owner only.
fn is_private(data_dir: &Path) -> bool {
    ["service.json", "state.json"].iter().all(|name| {
        let found = fs::metadata(data_dir.join(name)).expect("the row exists");
        found.permissions().mode() & 0o077 == 0
    })
}
