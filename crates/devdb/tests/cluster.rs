//! The life of clusters: start, restart, concurrent starts, stop, and clusters that a killed
//! process leaves behind.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use mainstay_devdb::{Cluster, ClusterError, Durability, Options, Programs, throwaway};
use mainstay_kernel::{ExposeSecret, Random};

/// A data directory that is removed at the end of its test.
struct DataDir(PathBuf);

impl DataDir {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("mainstay-cluster-{}-{name}", std::process::id())))
    }

    fn start(&self) -> Result<Cluster, ClusterError> {
        let options = Options {
            data_dir: self.0.clone(),
            port: None,
            durability: Durability::Durable,
        };
        Cluster::start(&Programs::find(None)?, &options, &Random::default())
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// Waits until a condition holds that another process brings about.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 30 seconds");
        std::thread::yield_now();
    }
}

#[test]
fn a_restart_keeps_the_port_and_the_passwords() {
    let data_dir = DataDir::new("restart");
    let first = data_dir.start().unwrap();
    let before = first.connection().clone();

    first.stop().unwrap();
    assert!(!listens(before.port));

    let second = data_dir.start().unwrap();
    let after = second.connection();
    assert_eq!(after.port, before.port);

    for (before, after) in [
        (&before.owner, &after.owner),
        (&before.server, &after.server),
    ] {
        assert_eq!(
            after.password.expose_secret(),
            before.password.expose_secret()
        );
    }

    assert!(listens(after.port));
}

#[test]
fn a_directory_has_one_cluster_at_a_time() {
    let data_dir = DataDir::new("twice");
    let first = data_dir.start().unwrap();
    let Err(second) = data_dir.start() else {
        panic!("two clusters in one directory")
    };
    assert!(
        matches!(second, ClusterError::InUse { pid, .. } if pid == Some(std::process::id())),
        "{second}"
    );
    assert!(listens(first.connection().port));
}

#[test]
fn dropping_stops_the_server_and_removes_a_throwaway_directory() {
    let cluster = throwaway().unwrap();
    let (port, directory) = (cluster.connection().port, cluster.data_dir().to_owned());
    assert!(listens(port) && directory.exists());

    drop(cluster);
    assert!(!listens(port));
    assert!(!directory.exists());
}

#[test]
fn a_throwaway_cluster_never_uses_a_directory_that_is_not_empty() {
    let data_dir = DataDir::new("precious");
    data_dir.start().unwrap().stop().unwrap();

    let options = Options {
        data_dir: data_dir.0.clone(),
        port: None,
        durability: Durability::Throwaway,
    };
    let refused = Cluster::start(&Programs::find(None).unwrap(), &options, &Random::default());
    assert!(matches!(refused, Err(ClusterError::NotEmpty { .. })));
    assert!(data_dir.0.join("cluster/PG_VERSION").exists());
}

#[test]
fn a_cluster_of_another_version_is_left_unchanged() {
    let data_dir = DataDir::new("version");
    data_dir.start().unwrap().stop().unwrap();
    fs::write(data_dir.0.join("cluster/PG_VERSION"), "9\n").unwrap();
    assert!(
        matches!(data_dir.start(), Err(ClusterError::OtherVersion { made_by, .. }) if made_by == "9")
    );
}

#[test]
fn an_interrupted_creation_starts_again() {
    let data_dir = DataDir::new("interrupted");
    let unfinished = data_dir.0.join("cluster.unfinished");
    data_dir.start().unwrap().stop().unwrap();
    fs::rename(data_dir.0.join("cluster"), &unfinished).unwrap();

    let cluster = data_dir.start().unwrap();
    assert!(listens(cluster.connection().port));
    assert!(!unfinished.exists());
}

#[test]
fn a_reused_process_id_is_neither_stopped_nor_prevents_the_start() {
    let data_dir = DataDir::new("reused");
    data_dir.start().unwrap().stop().unwrap();

    let mut bystander = Command::new("/bin/sh")
        .args(["-c", "read -r line"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();

    let stale = format!(
        "{}\n{}\n1\n1\n\n\n\nready\n",
        bystander.id(),
        data_dir.0.join("cluster").display()
    );

    fs::write(data_dir.0.join("cluster/postmaster.pid"), stale).unwrap();

    let cluster = data_dir.start().unwrap();
    assert!(listens(cluster.connection().port));
    assert!(bystander.try_wait().unwrap().is_none());

    drop(bystander.stdin.take());
    assert_eq!(
        bystander.wait().unwrap().code(),
        Some(1),
        "the process must end by itself"
    );
}

#[test]
fn secrets_are_not_readable_by_other_users_and_not_in_the_log() {
    let data_dir = DataDir::new("secrets");
    let cluster = data_dir.start().unwrap();
    assert_eq!(fs::metadata(cluster.data_dir()).unwrap().mode() & 0o067, 0);

    for file in [
        "state.json",
        "server.key",
        "postgresql.conf",
        "pg_hba.conf",
        "postgres.log",
        "lock",
    ] {
        assert_eq!(
            fs::metadata(cluster.data_dir().join(file)).unwrap().mode() & 0o077,
            0,
            "{file}"
        );
    }

    let log = fs::read_to_string(cluster.data_dir().join("postgres.log")).unwrap();
    assert!(log.contains("ready to accept connections"));

    for role in [&cluster.connection().owner, &cluster.connection().server] {
        assert!(!log.contains(role.password.expose_secret()));
    }
}

#[test]
fn a_killed_process_leaves_no_throwaway_cluster_behind() {
    let left = killed_owner_of("");
    eventually("the server ends", || !listens(left.port));
    eventually("the directory goes", || !left.data_dir.exists());
}

#[test]
fn a_killed_process_leaves_a_durable_cluster_stopped_and_intact() {
    let data_dir = DataDir::new("killed");
    let left = killed_owner_of(data_dir.0.to_str().unwrap());

    // Starts at once, while the server is still running or being stopped.
    let next = data_dir.start().unwrap();
    assert!(listens(next.connection().port));

    next.stop().unwrap();
    assert!(!listens(left.port));
}

struct Left {
    port: u16,
    data_dir: PathBuf,
}

/// Runs [`hold_a_cluster`] in another process, and kills that process when its server is running.
fn killed_owner_of(data_dir: &str) -> Left {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hold_a_cluster", "--ignored", "--nocapture"])
        .env(HELD, data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();

    let output = BufReader::new(owner.stdout.take().unwrap());
    let line = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.split_once(MARK).map(|(_, rest)| rest.to_owned()));
    let line = line.expect("the process prints its cluster");
    let (port, directory) = line.split_once(' ').unwrap();

    let left = Left {
        port: port.parse().unwrap(),
        data_dir: Path::new(directory).to_owned(),
    };
    assert!(listens(left.port) && left.data_dir.exists());

    owner.kill().unwrap();
    owner.wait().unwrap();

    left
}

const HELD: &str = "MAINSTAY_DEVDB_HELD_DIRECTORY";
const MARK: &str = "holding ";

#[test]
#[ignore = "is run, and killed, by other tests"]
#[expect(clippy::print_stdout, reason = "it talks to the test that runs it")]
fn hold_a_cluster() {
    let data_dir = std::env::var(HELD).unwrap();
    // The other test removes the directory.
    let data_dir = std::mem::ManuallyDrop::new(DataDir(data_dir.into()));
    let cluster = if data_dir.0.as_os_str().is_empty() {
        throwaway()
    } else {
        data_dir.start()
    }
    .unwrap();

    println!(
        "{MARK}{} {}",
        cluster.connection().port,
        cluster.data_dir().display()
    );

    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}
