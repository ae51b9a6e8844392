//! Postgres with its default durability, migrated, with an account and its customers.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use mainstay::kernel::{ExposeSecret as _, Random};
use mainstay_devdb::{Cluster, Durability, Options, Programs};
use tempfile::TempDir;

use super::program::{finish, program, secrets};

/// The account that signs in.
pub const EMAIL: &str = "bench@example.com";

/// A private Postgres, and how Mainstay's service connects to it.
pub struct Database {
    /// The password of the account.
    pub password: String,
    /// The URL for the owner of the tables.
    pub owner_url: String,
    /// The URL for the service.
    pub server_url: String,
    environment: Vec<(&'static str, String)>,
    /// Always present, except during a restart.
    cluster: Option<Cluster>,
    directory: TempDir,
}

impl Database {
    /// Starts a new cluster, migrates it and fills it.
    pub fn start(customers: u64) -> Self {
        let directory = tempfile::tempdir().expect("the directory is created");
        // The account of Postgres must reach its own files.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))
            .expect("it is ours");
        let cluster = start_cluster(directory.path());

        let connection = cluster.connection();
        let url = |role| {
            connection
                .url(role, &connection.database)
                .expose_secret()
                .to_owned()
        };
        let (owner_url, server_url) = (url(&connection.owner), url(&connection.server));

        let mut environment = secrets(&server_url);
        environment.extend([
            ("MAINSTAY_HTTP_BIND", "127.0.0.1:0".to_owned()),
            ("MAINSTAY_MANAGEMENT_BIND", "127.0.0.1:0".to_owned()),
            ("MAINSTAY_TELEMETRY_LOG_FORMAT", "json".to_owned()),
            ("MAINSTAY_IDENTITY_ACCESS_TOKEN_LIFETIME", "60m".to_owned()),
            ("MAINSTAY_DATABASE_POOL_SIZE", "16".to_owned()),
        ]);

        succeed(program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", &owner_url));
        let create = [
            "user",
            "create",
            "--email",
            EMAIL,
            "--organization",
            "Bench",
        ];
        let created = succeed(program(create).envs(environment.clone()));
        let seed = ["seed", "--customers", &customers.to_string()];
        succeed(program(seed).envs(environment.clone()));

        Self {
            password: shown_password(&created),
            owner_url,
            server_url,
            environment,
            cluster: Some(cluster),
            directory,
        }
    }

    /// The command that starts the service.
    pub fn serve(&self) -> Command {
        let mut command = program(["serve"]);
        command.envs(self.environment.clone());
        command
    }

    /// The process id of Postgres.
    pub fn pid(&self) -> u32 {
        let file = fs::read_to_string(self.file("cluster/postmaster.pid"));
        file.expect("Postgres runs")
            .lines()
            .next()
            .and_then(|pid| pid.parse().ok())
            .expect("the first line is its process id")
    }

    /// Appends lines to a file of settings or access rules, which apply from now on. A restart
    /// removes them.
    pub fn configure(&self, file: &str, lines: &str) {
        let path = self.file(file);
        let present = fs::read_to_string(&path).expect("the settings are text");
        fs::write(&path, present + lines).expect("the settings are written");

        let pid = self.pid().to_string();
        let reloaded = Command::new("kill").args(["-s", "HUP", &pid]).status();
        assert!(
            reloaded.expect("the program kill runs").success(),
            "Postgres reads its settings"
        );
    }

    /// Restarts Postgres, on the same port, and with empty caches.
    pub fn restart(&mut self) {
        if let Some(cluster) = self.cluster.take() {
            cluster.stop().expect("Postgres stops");
        }
        self.cluster = Some(start_cluster(self.directory.path()));
    }

    fn file(&self, name: &str) -> PathBuf {
        let cluster = self.cluster.as_ref().expect("Postgres runs");
        cluster.data_dir().join(name)
    }
}

fn start_cluster(directory: &Path) -> Cluster {
    let options = Options {
        data_dir: directory.join("postgres"),
        port: None,
        durability: Durability::Durable,
    };
    let programs = Programs::find(None).expect("Postgres is installed");
    Cluster::start(&programs, &options, &Random::default()).expect("Postgres starts")
}

fn succeed(command: &mut Command) -> String {
    let (code, text) = finish(command);
    assert_eq!(code, Some(0), "{text}");
    text
}

fn shown_password(output: &str) -> String {
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("password"));
    let password = line.and_then(|line| line.split_whitespace().next());
    password.expect("the output shows the password").to_owned()
}
