//! A database of one size, with the service on it and a caller.

use std::{process::Command, time::Duration};

use sqlx::{Connection as _, PgConnection, Row as _};

use crate::{
    bulk,
    support::{
        caller::{Caller, Paths},
        database::Database,
        figures::Figures,
        load::Measured,
        process::processor_time,
        service::Service,
    },
};

/// Number of customers that the product itself creates. Only these are requested, at all sizes. All
/// others are copies of them, which cannot be opened: a data key is bound to its row.
const REAL: u64 = 1_000;

/// Number of pages in a lot of real customers, between which there are copies.
const PAGES: u64 = bulk::LOT / 50;

/// How long Postgres is watched without requests.
const IDLE: Duration = Duration::from_secs(5);

/// A database with its service.
pub struct Installation {
    /// Number of customers at the start.
    pub rows: u64,
    pub database: Database,
    pub caller: Caller,
    service: Service,
}

impl Installation {
    /// Creates a database with this number of customers, a multiple of a thousand, and starts the
    /// service.
    pub async fn start(rows: u64) -> Self {
        let mut database = Database::start(REAL);
        bulk::date(&database.owner_url).await;

        let service = Service::start(&mut database.serve(), "/readyz").await;
        let pages = (REAL / 50) as usize;
        let (paths, password) = (Paths::MAINSTAY, database.password.as_str());
        let mut caller = Caller::sign_in(service.api, paths, password, pages).await;
        keep_pages_of_one_lot(&mut caller);
        bulk::wait_for_seal(&database.owner_url).await;
        service.stop();

        bulk::copy(&database, rows / REAL - 1).await;
        database.restart();
        Command::new("sync")
            .status()
            .expect("the program sync runs");

        let service = Service::start(&mut database.serve(), "/readyz").await;
        caller.api = service.api;

        Self {
            rows,
            database,
            caller,
            service,
        }
    }

    /// Measures a load.
    pub async fn figures(&self, load: impl Future<Output = Measured>) -> Figures {
        Figures::of(self.service.pid(), self.database.pid(), load).await
    }

    /// Processor time of Postgres without requests, in milliseconds per second.
    pub async fn idle(&self) -> f64 {
        let before = processor_time(self.database.pid());
        tokio::time::sleep(IDLE).await;
        (processor_time(self.database.pid()) - before) * 1e3 / IDLE.as_secs_f64()
    }

    /// The numbers of rows and the size of the database, as cells of a table.
    pub async fn counted(&self) -> String {
        const COUNT: &str = r"
            SELECT concat_ws(
                ' | ',
                (SELECT count(*) FROM customers),
                (SELECT count(*) FROM mainstay.audit_events),
                (SELECT count(*) FROM mainstay.users),
                pg_size_pretty(pg_database_size(current_database()))
            )
        ";

        let row = sqlx::query(COUNT).fetch_one(&mut self.owner().await).await;
        row.expect("the rows are counted").get(0)
    }

    /// A connection of the owner of the tables.
    pub async fn owner(&self) -> PgConnection {
        PgConnection::connect(&self.database.owner_url)
            .await
            .expect("Postgres accepts")
    }
}

/// Keeps the cursors of the second and the third page of each lot: these pages, and the row by which
/// Postgres sees that another page follows, have real customers only.
fn keep_pages_of_one_lot(caller: &mut Caller) {
    let mut number = 0;
    caller.cursors.retain(|_| {
        number += 1;
        matches!(number % PAGES, 1 | 2)
    });
}
