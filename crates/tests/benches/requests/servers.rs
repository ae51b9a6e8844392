//! The two servers, each a process of its own.

use std::{path::PathBuf, process::Command, time::Duration};

use crate::{
    bare,
    support::{
        caller::{Caller, Paths},
        database::Database,
        endpoint::Endpoint,
        figures::Figures,
        service::Service,
    },
};

/// Number of pages whose cursors and rows are asked for.
const PAGES: usize = 400;

/// The paths of the bare server.
const BARE: Paths = Paths {
    customers: "/customers",
    cursor: "after",
    login: "/login",
};

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

    /// The file of its program.
    pub fn program(self) -> PathBuf {
        match self {
            Self::Bare => std::env::current_exe().expect("this program has a file"),
            Self::Mainstay => env!("CARGO_BIN_EXE_service").into(),
        }
    }

    /// Starts the server, and waits for its first answer.
    pub async fn start(self, database: &Database) -> Service {
        match self {
            Self::Bare => {
                let mut command = Command::new(self.program());
                command.env(bare::URL, plain_text_url(database));
                Service::start(&mut command, "/livez").await
            }
            Self::Mainstay => Service::start(&mut database.serve(), "/readyz").await,
        }
    }

    async fn sign_in(self, service: &Service, database: &Database) -> Caller {
        let (paths, password) = match self {
            Self::Bare => (BARE, bare::PASSWORD),
            Self::Mainstay => (Paths::MAINSTAY, database.password.as_str()),
        };
        Caller::sign_in(service.api, paths, password, PAGES).await
    }
}

/// Lets clients connect without TLS, as the bare server does.
pub fn allow_plain_text(database: &Database) {
    database.configure("pg_hba.conf", "host all all 127.0.0.1/32 scram-sha-256\n");
}

fn plain_text_url(database: &Database) -> String {
    let url = database.owner_url.split('?').next().unwrap_or_default();
    format!("{url}?sslmode=disable")
}

/// A running server with its caller.
pub struct Server {
    pub kind: Kind,
    pub service: Service,
    caller: Caller,
}

impl Server {
    pub async fn start(kind: Kind, database: &Database) -> Self {
        let service = kind.start(database).await;
        let caller = kind.sign_in(&service, database).await;

        Self {
            kind,
            service,
            caller,
        }
    }

    /// Sends requests for `span` without measuring them.
    pub async fn warm_up(&self, endpoint: Endpoint, span: Duration) {
        self.caller.load(endpoint, span).await;
    }

    /// Measures requests for `span`.
    pub async fn measure(
        &self,
        database: &Database,
        endpoint: Endpoint,
        span: Duration,
    ) -> Figures {
        let load = self.caller.load(endpoint, span);
        Figures::of(self.service.pid(), database.pid(), load).await
    }
}
