//! Access to a cluster: only over TLS with a password, and with the privileges of the two roles.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::LazyLock,
};

use mainstay_devdb::{Cluster, Connection, Role, throwaway};
use mainstay_kernel::ExposeSecret;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// One cluster for all tests. A static is never dropped, so the reaper removes it.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| throwaway().unwrap());

fn connection() -> &'static Connection {
    CLUSTER.connection()
}

async fn open(role: &Role, database: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect(connection().url(role, database).expose_secret()).await
}

async fn run(role: &Role, statement: &str) -> Result<(), sqlx::Error> {
    let mut connection = open(role, &connection().database).await?;
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .map(drop)
}

/// The SQLSTATE of a refused statement.
fn code<T>(outcome: Result<T, sqlx::Error>) -> String {
    let Err(sqlx::Error::Database(error)) = outcome else {
        panic!("the server did not refuse")
    };

    error.code().unwrap().into_owned()
}

const NOT_PERMITTED: &str = "42501";
const NOT_AUTHORIZED: &str = "28000";

/// A start-up message of protocol 3.0 for the owner.
fn start_up() -> Vec<u8> {
    let body = [
        &196_608_u32.to_be_bytes()[..],
        b"user\0mainstay_owner\0database\0mainstay\0\0",
    ]
    .concat();
    [
        &u32::try_from(body.len() + 4).unwrap().to_be_bytes()[..],
        &body,
    ]
    .concat()
}

#[test]
fn plain_tcp_is_refused_before_the_password_is_requested() {
    for address in ["127.0.0.1", "::1"] {
        let Ok(mut stream) = TcpStream::connect((address, connection().port)) else {
            assert_eq!(address, "::1", "only IPv6 may be missing");
            continue;
        };

        stream.write_all(&start_up()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();

        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with('E') && answer.contains(NOT_AUTHORIZED),
            "{answer}"
        );
    }
}

#[test]
fn tls_is_offered() {
    let mut stream = TcpStream::connect(("127.0.0.1", connection().port)).unwrap();
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47]).unwrap();
    let mut answer = [0];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"S");
}

#[tokio::test]
async fn both_roles_connect_over_verified_tls() {
    for role in [&connection().owner, &connection().server] {
        let mut connection = open(role, &connection().database).await.unwrap();
        let (version, name): (String, String) = sqlx::query_as(
            r"
                SELECT version, session_user::text
                FROM pg_stat_ssl
                WHERE pid = pg_backend_pid() AND ssl
            ",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        assert!(version == "TLSv1.3" || version == "TLSv1.2", "{version}");
        assert_eq!(name, role.name);
    }
}

#[tokio::test]
async fn a_client_that_trusts_another_authority_cannot_connect() {
    let other = throwaway().unwrap();
    let mut untrusted = connection().clone();
    untrusted.ca_file = other.connection().ca_file.clone();

    let url = untrusted.url(&untrusted.owner, &untrusted.database);
    let outcome = PgConnection::connect(url.expose_secret()).await;

    assert!(
        matches!(outcome, Err(sqlx::Error::Tls(_) | sqlx::Error::Io(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_the_superuser_has_none() {
    let wrong = Role {
        name: connection().owner.name.clone(),
        password: "0".repeat(64).into(),
    };
    assert_eq!(code(open(&wrong, &connection().database).await), "28P01");

    for password in ["", "postgres"] {
        let superuser = Role {
            name: "postgres".into(),
            password: password.into(),
        };
        assert!(open(&superuser, "postgres").await.is_err());
    }
}

#[tokio::test]
async fn the_server_role_cannot_create_objects() {
    for statement in [
        "CREATE TABLE public.mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "SET ROLE mainstay_owner",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('postgresql.conf')",
    ] {
        assert_eq!(
            code(run(&connection().server, statement).await),
            NOT_PERMITTED,
            "{statement}"
        );
    }
}

#[tokio::test]
async fn neither_role_can_connect_to_other_databases() {
    for role in [&connection().owner, &connection().server] {
        for database in ["postgres", "template1"] {
            assert_eq!(
                code(open(role, database).await),
                NOT_PERMITTED,
                "{} in {database}",
                role.name
            );
        }
    }
}

#[tokio::test]
async fn the_owner_is_not_a_superuser() {
    for statement in [
        "CREATE ROLE mine",
        "ALTER ROLE mainstay_owner SUPERUSER",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ] {
        assert_eq!(
            code(run(&connection().owner, statement).await),
            NOT_PERMITTED,
            "{statement}"
        );
    }
}

#[tokio::test]
async fn the_owner_creates_tables_and_databases_and_drops_databases_in_use() {
    let owner = &connection().owner;
    run(owner, "CREATE TABLE public.made (id int)")
        .await
        .unwrap();
    run(owner, "CREATE DATABASE made").await.unwrap();

    let mut service = open(&connection().server, "made").await.unwrap();
    let refused = sqlx::query("CREATE TABLE public.mine (id int)")
        .execute(&mut service)
        .await;

    assert_eq!(
        code(refused),
        NOT_PERMITTED,
        "the server must not create tables in a new database either"
    );

    run(owner, "DROP DATABASE made WITH (FORCE)").await.unwrap();
    assert!(sqlx::query("SELECT 1").execute(&mut service).await.is_err());
}

#[tokio::test]
async fn case_follows_unicode_and_the_order_is_by_code_point() {
    let mut connection = open(&connection().owner, &connection().database)
        .await
        .unwrap();
    let (lower, ordered): (String, bool) = sqlx::query_as("SELECT lower('ÄÉ'), 'Z' < 'a'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!((lower.as_str(), ordered), ("äé", true));
}
