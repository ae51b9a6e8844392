//! The service as a child process, with no environment but what a test sets.

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

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program with these arguments. Its environment has only what the search for Postgres's
/// programs needs; not even HOME is set.
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

/// Runs a command to its end. Returns its exit code and its output, both streams together.
pub fn finish(command: &mut Command) -> (Option<i32>, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("the program starts");
    let text = [stdout, stderr]
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .concat();
    (status.code(), text)
}

/// The settings that `serve` requires: new keys and a database.
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

/// Starts an app, and returns it with the environment of a program on the same database, with the
/// same keys and on free ports.
#[allow(dead_code, reason = "not every test target uses it")]
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

/// A running process. It ends when this value is dropped.
pub struct Serving {
    child: Child,
    /// Its output. A file, since a full pipe would block the process.
    log: NamedTempFile,
}

impl Serving {
    /// Starts a command that runs until it is stopped.
    pub fn start(command: &mut Command) -> Self {
        let log = NamedTempFile::new().expect("the temporary file is created");
        let output = || {
            log.as_file()
                .try_clone()
                .expect("the file handle is cloned")
        };
        let child = command
            .stdout(output())
            .stderr(output())
            .spawn()
            .expect("the program starts");
        Self { child, log }
    }

    /// Its output so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log.path()).expect("the log is text")
    }

    /// Waits until the log of `serve` has its addresses: of the API, then of the management port.
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

    /// Waits until the log of `serve` or `worker` has the address of its management port.
    #[allow(dead_code, reason = "not every test target uses it")]
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
    #[allow(dead_code, reason = "not every test target uses it")]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it is still running.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("the process can be waited for")
            .is_none()
    }

    /// Sends a signal by name, as in `INT`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status();
        assert!(
            sent.expect("the program kill runs").success(),
            "SIG{name} was not sent"
        );
    }

    /// Waits until it ends, and returns its exit code.
    pub fn exit_code(&mut self) -> Option<i32> {
        eventually("the service ends", || {
            self.child
                .try_wait()
                .expect("the process can be waited for")
        })
        .code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // The process may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Polls until the answer is `Some`.
///
/// # Panics
/// When that takes longer than [`PATIENCE`].
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
