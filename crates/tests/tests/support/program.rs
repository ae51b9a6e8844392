//! The service's program as a child process, with the environment that a test gives it and nothing else.

use std::{
    ffi::OsStr,
    fs,
    net::SocketAddr,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use mainstay::{crypto::KeyRing, kernel::ExposeSecret as _, kernel::Random};
use mainstay_testing::{Builder, TestApp};
use tempfile::NamedTempFile;

/// How long anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program with these arguments. Not even HOME is set: only what the search for Postgres' programs needs.
pub fn program<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_service"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    for kept in ["PATH", "POSTGRES_BIN", "TMPDIR"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// Runs a command to its end and gives its status and what it wrote, both streams in one.
pub fn finish(command: &mut Command) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program runs");
    let text = [stdout, stderr]
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .concat();
    (status.code(), text)
}

/// Fresh keys and a database: what `serve` cannot do without.
pub fn secrets(database_url: &str) -> Vec<(&'static str, String)> {
    vec![
        ("MAINSTAY_ENVIRONMENT", "development".to_owned()),
        ("MAINSTAY_DATABASE_URL", database_url.to_owned()),
        (
            "MAINSTAY_CRYPTO_KEYS",
            KeyRing::generate(&Random::default())
                .expose_secret()
                .to_owned(),
        ),
    ]
}

/// An app, and what a program is told that works on its database under its keys, on ports that are free.
#[allow(dead_code, reason = "not every target that stands on this file asks")]
pub async fn beside(builder: Builder) -> (TestApp, Vec<(&'static str, String)>) {
    let keys = KeyRing::generate(&Random::default())
        .expose_secret()
        .to_owned();
    let app = builder.setting("crypto.keys", keys.clone()).start().await;
    let environment = vec![
        ("MAINSTAY_ENVIRONMENT", "development".to_owned()),
        (
            "MAINSTAY_DATABASE_URL",
            app.database_url().expose_secret().to_owned(),
        ),
        ("MAINSTAY_CRYPTO_KEYS", keys),
        ("MAINSTAY_HTTP_BIND", "127.0.0.1:0".to_owned()),
        ("MAINSTAY_MANAGEMENT_BIND", "127.0.0.1:0".to_owned()),
    ];

    (app, environment)
}

/// A process that serves; it does not outlive this value.
pub struct Serving {
    child: Child,
    /// What it writes. A file, since a pipe that nobody reads stops whoever writes to it.
    log: NamedTempFile,
}

impl Serving {
    /// Starts a command that goes on until it is told to stop.
    pub fn start(command: &mut Command) -> Self {
        let log = NamedTempFile::new().expect("there is room");
        let output = || log.as_file().try_clone().expect("there are descriptors");
        let child = command
            .stdout(output())
            .stderr(output())
            .spawn()
            .expect("the program runs");
        Self { child, log }
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log.path()).expect("the log is text")
    }

    /// Waits until the log of `serve` tells where it listens: the API, then the management port.
    pub fn addresses(&mut self) -> (SocketAddr, SocketAddr) {
        eventually("the service serves", || {
            let log = self.log();
            assert!(self.is_running(), "the service ended: {log}");
            log.lines().find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                let address = |name: &str| line[name].as_str()?.parse().ok();
                Some((address("api")?, address("management")?))
            })
        })
    }

    /// Waits until the log tells where health and metrics listen: of `serve`, or of `worker`.
    #[allow(dead_code, reason = "not every target that stands on this file asks")]
    pub fn management(&mut self) -> SocketAddr {
        eventually("the management port listens", || {
            let log = self.log();
            assert!(self.is_running(), "the process ended: {log}");
            log.lines().find_map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).ok()?;
                line["management"].as_str()?.parse().ok()
            })
        })
    }

    /// Its process id.
    #[allow(dead_code, reason = "not every target that stands on this file asks")]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("it was started").is_none()
    }

    /// Sends a signal by its name, as in `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(
            sent.expect("there is kill").success(),
            "SIG{name} was not sent"
        );
    }

    /// Waits until it has ended by itself, and gives its exit code.
    pub fn exit_code(&mut self) -> Option<i32> {
        eventually("the service ends", || {
            self.child.try_wait().expect("it was started")
        })
        .code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Asks again and again until the answer is `Some`.
///
/// # Panics
/// When that takes too long.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "it took too long: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
