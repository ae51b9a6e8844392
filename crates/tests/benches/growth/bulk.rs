//! Makes tables as large as they would be, in SQL: see the files in `sql/`.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, raw_sql};

use crate::{indexes, support::database::Database};

/// Number of real customers that follow each other in the listing. `sql/` has it, too.
pub const LOT: u64 = 200;

/// Settings of Postgres while rows are copied.
const SETTINGS: &str = "\
autovacuum = off
checkpoint_timeout = '1h'
fsync = off
full_page_writes = off
jit = off
maintenance_work_mem = '1GB'
max_wal_size = '8GB'
";

/// Dates the customers so that they are in lots over a year, in the order of their ids.
pub async fn date(owner_url: &str) {
    run(&mut connect(owner_url).await, include_str!("sql/dates.sql")).await;
}

/// Waits until the service has sealed all audit records.
pub async fn wait_for_seal(owner_url: &str) {
    const ARE_SEALED: &str = r"
        SELECT (SELECT count(*) FROM mainstay.audit_events) = (SELECT count(*) FROM mainstay.audit_leaves)
    ";

    let mut owner = connect(owner_url).await;
    loop {
        let row = sqlx::query(ARE_SEALED).fetch_one(&mut owner).await;
        if row.expect("the records are counted").get(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Adds `copies` of each customer with its data key and its audit record, and accounts. The settings
/// stay until Postgres restarts.
pub async fn copy(database: &Database, copies: u64) {
    let url = &database.owner_url;
    database.configure("postgresql.conf", SETTINGS);
    let with_copies = |text: &str| text.replace(":copies", &copies.to_string());

    let mut owner = connect(url).await;
    run(&mut owner, &with_copies(include_str!("sql/samples.sql"))).await;

    let customers = with_copies(include_str!("sql/customers.sql"));
    let log = with_copies(include_str!("sql/audit_log.sql"));
    tokio::join!(
        fill(url, &["public.customers", "mainstay.data_keys"], &customers),
        fill(
            url,
            &["mainstay.audit_events", "mainstay.audit_leaves"],
            &log
        ),
    );

    run(&mut owner, "DROP SCHEMA growth CASCADE").await;
    run(&mut owner, "VACUUM ANALYZE").await;
}

/// Runs statements on tables without their indexes, and restores these.
async fn fill(url: &str, tables: &[&str], text: &str) {
    let mut owner = connect(url).await;
    let removed = indexes::remove(&mut owner, tables).await;
    run(&mut owner, text).await;
    for definition in removed {
        run(&mut owner, &definition).await;
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("Postgres accepts")
}

pub async fn run(connection: &mut PgConnection, text: &str) {
    raw_sql(AssertSqlSafe(text))
        .execute(connection)
        .await
        .expect("the statements run");
}
