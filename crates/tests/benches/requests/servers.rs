//! Postgres and the two servers, each a process of its own.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use mainstay::kernel::{ExposeSecret as _, Random};
use mainstay_devdb::{Cluster, Durability, Options, Programs};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    EMAIL, Endpoint,
    bare::{self, PASSWORD},
    http::send,
    load::{Measured, load},
    program::{Serving, finish, program, secrets},
};

/// Number of customers.
const CUSTOMERS: &str = "100000";

/// Number of pages whose cursors and rows are asked for.
const PAGES: usize = 400;

/// The servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bare,
    Mainstay,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Bare, Self::Mainstay];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare axum + sqlx",
            Self::Mainstay => "Mainstay",
        }
    }
}

/// Postgres with its default durability, and the rows of both servers.
pub struct Database {
    cluster: Cluster,
    environment: Vec<(&'static str, String)>,
    bare_url: String,
    password: String,
    _directory: TempDir,
}

impl Database {
    /// Starts a new cluster, migrates it and fills it.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("the directory is created");
        // The account of Postgres must reach its own files.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))
            .expect("it is ours");

        let options = Options {
            data_dir: directory.path().join("postgres"),
            port: None,
            durability: Durability::Durable,
        };
        let programs = Programs::find(None).expect("Postgres is installed");
        let cluster =
            Cluster::start(&programs, &options, &Random::default()).expect("Postgres starts");

        let connection = cluster.connection();
        let url = |role| {
            connection
                .url(role, &connection.database)
                .expose_secret()
                .to_owned()
        };
        let (owner, server) = (url(&connection.owner), url(&connection.server));
        allow_plain_text(cluster.data_dir());

        let mut environment = secrets(&server);
        environment.extend([
            ("MAINSTAY_HTTP_BIND", "127.0.0.1:0".to_owned()),
            ("MAINSTAY_MANAGEMENT_BIND", "127.0.0.1:0".to_owned()),
            ("MAINSTAY_TELEMETRY_LOG_FORMAT", "json".to_owned()),
            ("MAINSTAY_IDENTITY_ACCESS_TOKEN_LIFETIME", "60m".to_owned()),
            ("MAINSTAY_DATABASE_POOL_SIZE", "16".to_owned()),
        ]);

        succeed(program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", &owner));
        let create = [
            "user",
            "create",
            "--email",
            EMAIL,
            "--organization",
            "Bench",
        ];
        let created = succeed(program(create).envs(environment.clone()));
        succeed(program(["seed", "--customers", CUSTOMERS]).envs(environment.clone()));

        let plain_text = owner.split('?').next().unwrap_or_default();
        Self {
            bare_url: format!("{plain_text}?sslmode=disable"),
            password: shown_password(&created),
            cluster,
            environment,
            _directory: directory,
        }
    }

    /// The process id of Postgres.
    pub fn pid(&self) -> u32 {
        postmaster(self.cluster.data_dir())
    }
}

/// Lets clients connect without TLS, as the bare server does.
fn allow_plain_text(data_dir: &Path) {
    let rules = data_dir.join("pg_hba.conf");
    let with_tls = fs::read_to_string(&rules).expect("the rules are text");
    fs::write(
        &rules,
        with_tls + "host all all 127.0.0.1/32 scram-sha-256\n",
    )
    .expect("the rules are written");

    let pid = postmaster(data_dir).to_string();
    let reloaded = Command::new("kill").args(["-s", "HUP", &pid]).status();
    assert!(
        reloaded.expect("the program kill runs").success(),
        "Postgres reads its rules"
    );
}

fn postmaster(data_dir: &Path) -> u32 {
    let file = fs::read_to_string(data_dir.join("cluster/postmaster.pid")).expect("Postgres runs");
    file.lines()
        .next()
        .and_then(|pid| pid.parse().ok())
        .expect("the first line is its process id")
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

/// A running server.
pub struct Server {
    pub kind: Kind,
    /// From the start of the process to its first answer.
    pub started: Duration,
    serving: Serving,
    api: SocketAddr,
    password: String,
    token: String,
    ids: Vec<String>,
    cursors: Vec<String>,
}

impl Server {
    /// Starts a server, and waits for its first answer.
    pub async fn start(database: &Database, kind: Kind) -> Self {
        let mut command = match kind {
            Kind::Mainstay => program(["serve"]),
            Kind::Bare => Command::new(Self::program(kind)),
        };
        match kind {
            Kind::Mainstay => command.envs(database.environment.clone()),
            Kind::Bare => command.env(bare::URL, &database.bare_url),
        };

        let began = Instant::now();
        let mut serving = Serving::start(&mut command);
        let (api, management) = serving.addresses();
        let ready = if kind == Kind::Bare {
            "/livez"
        } else {
            "/readyz"
        };
        while send(management, "GET", ready, "", "").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }

        let password = match kind {
            Kind::Bare => PASSWORD.to_owned(),
            Kind::Mainstay => database.password.clone(),
        };

        Self {
            kind,
            started: began.elapsed(),
            serving,
            api,
            password,
            token: String::new(),
            ids: Vec::new(),
            cursors: Vec::new(),
        }
    }

    /// The file of its program.
    pub fn program(kind: Kind) -> PathBuf {
        match kind {
            Kind::Bare => std::env::current_exe().expect("this program has a file"),
            Kind::Mainstay => env!("CARGO_BIN_EXE_service").into(),
        }
    }

    pub fn pid(&self) -> u32 {
        self.serving.pid()
    }

    /// Signs in, and reads the ids and cursors that the load asks for.
    pub async fn signed_in(mut self) -> Self {
        let credentials = self.credentials().to_string();
        let answer = send(self.api, "POST", self.login_path(), "", &credentials)
            .await
            .json();
        self.token = text(&answer["access_token"]);

        let mut path = self.customers("?limit=50");
        for _ in 0..PAGES {
            let page = send(self.api, "GET", &path, &self.token, "").await.json();
            let items = page["items"].as_array().expect("the page has items");
            assert_eq!(items.len(), 50, "the page is full");
            self.ids.extend(items.iter().map(|item| text(&item["id"])));

            let cursor = text(&page["next_cursor"]);
            path = self.page(&cursor);
            self.cursors.push(cursor);
        }

        self
    }

    /// Sends requests for `span`.
    pub async fn load(&self, endpoint: Endpoint, span: Duration) -> Measured {
        let request = |number: usize| self.request(endpoint, number);
        load(self.api, endpoint.connections(), span, &request).await
    }

    fn request(&self, endpoint: Endpoint, number: usize) -> String {
        let scattered = number.wrapping_mul(2_654_435_761);
        match endpoint {
            Endpoint::Livez => self.head("GET", "/livez") + "\r\n",
            Endpoint::Read => {
                let id = &self.ids[scattered % self.ids.len()];
                self.head("GET", &self.customers(&format!("/{id}"))) + "\r\n"
            }
            Endpoint::Page => {
                let cursor = &self.cursors[scattered % self.cursors.len()];
                self.head("GET", &self.page(cursor)) + "\r\n"
            }
            Endpoint::Create => self.post(&self.customers(""), &customer(number)),
            Endpoint::Login => self.post(self.login_path(), &self.credentials()),
        }
    }

    fn head(&self, method: &str, path: &str) -> String {
        let (api, token) = (self.api, &self.token);
        format!("{method} {path} HTTP/1.1\r\nHost: {api}\r\nAuthorization: Bearer {token}\r\n")
    }

    fn post(&self, path: &str, body: &Value) -> String {
        let (head, body) = (self.head("POST", path), body.to_string());
        let length = body.len();
        format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
    }

    fn customers(&self, rest: &str) -> String {
        match self.kind {
            Kind::Bare => format!("/customers{rest}"),
            Kind::Mainstay => format!("/v1/customers{rest}"),
        }
    }

    fn page(&self, cursor: &str) -> String {
        let name = if self.kind == Kind::Bare {
            "after"
        } else {
            "cursor"
        };
        self.customers(&format!("?limit=50&{name}={cursor}"))
    }

    fn login_path(&self) -> &'static str {
        match self.kind {
            Kind::Bare => "/login",
            Kind::Mainstay => "/v1/sessions",
        }
    }

    fn credentials(&self) -> Value {
        json!({ "email": EMAIL, "password": self.password })
    }
}

/// A customer whose address no other has.
fn customer(number: usize) -> Value {
    json!({
        "email": format!("load{number}@example.com"),
        "full_name": format!("Ada Example {number}"),
        "phone": "+15550001111",
        "notes": "note text ".repeat(1 + number % 20).trim_end(),
    })
}

fn text(value: &Value) -> String {
    value.as_str().expect("the answer has the text").to_owned()
}
