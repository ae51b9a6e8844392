//! The yardstick: the same small API on bare axum and sqlx, as their documentation teaches. It has
//! a pool, a transaction for a row and its audit record, HS256 tokens with permissions, and
//! validation; it has no sealed fields, no log, no revocation, no limits and no TLS.

use std::sync::LazyLock;

use argon2::{Argon2, PasswordVerifier, password_hash::phc::PasswordHash};
use axum::{
    Json, Router,
    extract::{FromRequestParts, Path, Query, State},
    http::{StatusCode, header::AUTHORIZATION, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use garde::Validate;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use mainstay::kernel::{Clock, Uuid};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{
    FromRow, PgPool, Row as _,
    postgres::{PgPoolOptions, PgRow},
    query, query_as,
};
use time::OffsetDateTime;
use tokio::net::TcpListener;

use crate::support::database::EMAIL;

/// The environment variable with the URL of the database. A process that has it is this server.
pub const URL: &str = "BARE_DATABASE_URL";

/// The account that signs in.
pub const PASSWORD: &str = "correct horse battery";

/// Argon2id with 19 MiB, two passes and one lane.
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$Vf5SQYg2dVhicE/Z9hl4bw$dvgw7G+2O5wPVjxeog3L1NiQzkr1p3ROI3Xff+QNnXI";

const SECRET: &[u8] = b"bench-secret-bench-secret-bench-secret";

static KEY: LazyLock<DecodingKey> = LazyLock::new(|| DecodingKey::from_secret(SECRET));

static RULES: LazyLock<Validation> = LazyLock::new(|| {
    let mut rules = Validation::new(Algorithm::HS256);
    rules.set_issuer(&["bench"]);
    rules.set_audience(&["bench"]);
    rules
});

/// Creates the tables, with 100,000 customers.
const SCHEMA: [&str; 6] = [
    "CREATE SCHEMA bare",
    r"
        CREATE TABLE bare.customers (
            id         uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
            email      text        NOT NULL,
            full_name  text        NOT NULL,
            phone      text        NOT NULL,
            notes      text        NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        )
    ",
    r"
        CREATE TABLE bare.users (
            id            uuid   PRIMARY KEY DEFAULT gen_random_uuid(),
            email         text   NOT NULL UNIQUE,
            password_hash text   NOT NULL,
            permissions   text[] NOT NULL
        )
    ",
    r"
        CREATE TABLE bare.audit_log (
            id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            at        timestamptz NOT NULL DEFAULT now(),
            actor     uuid        NOT NULL,
            action    text        NOT NULL,
            entity_id uuid        NOT NULL
        )
    ",
    r"
        INSERT INTO bare.customers
        SELECT
            md5(i::text)::uuid,
            'user' || i || '@example.com',
            'Full Name ' || i,
            '+1555' || lpad(i::text, 7, '0'),
            repeat('note text ', 1 + i % 20),
            timestamptz '2026-01-01' + i * interval '1 second'
        FROM generate_series(1, 100000) i
    ",
    "ANALYZE bare.customers",
];

/// Creates the tables, and serves until the process ends.
pub async fn serve(url: &str) {
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .connect(url)
        .await
        .expect("Postgres accepts");
    if query("SELECT FROM pg_namespace WHERE nspname = 'bare'")
        .fetch_optional(&pool)
        .await
        .expect("the query runs")
        .is_none()
    {
        create(&pool).await;
    }

    let app = Router::new()
        .route("/livez", get(async || "ok"))
        .route("/customers/{id}", get(get_customer))
        .route("/customers", get(list_customers).post(create_customer))
        .route("/login", post(log_in))
        .with_state(pool);
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    println!(
        "{}",
        json!({ "api": listener.local_addr().expect("it is bound"), "management": listener.local_addr().ok() })
    );
    axum::serve(listener, app).await.expect("it serves");
}

async fn create(pool: &PgPool) {
    for statement in SCHEMA {
        query(statement)
            .execute(pool)
            .await
            .expect("the table is created");
    }
    query("INSERT INTO bare.users (email, password_hash, permissions) VALUES ($1, $2, $3)")
        .bind(EMAIL)
        .bind(HASH)
        .bind(["customers.read", "customers.write"])
        .execute(pool)
        .await
        .expect("the account is created");
}

#[derive(Serialize)]
struct Customer {
    id: Uuid,
    email: String,
    full_name: String,
    phone: String,
    notes: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl FromRow<'_, PgRow> for Customer {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            email: row.try_get("email")?,
            full_name: row.try_get("full_name")?,
            phone: row.try_get("phone")?,
            notes: row.try_get("notes")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

#[derive(Deserialize, Validate)]
struct NewCustomer {
    #[garde(contains("@"), length(chars, max = 254))]
    email: String,
    #[garde(length(chars, min = 1, max = 200))]
    full_name: String,
    #[garde(length(chars, max = 32))]
    phone: String,
    #[garde(length(chars, max = 2000))]
    notes: String,
}

#[derive(Deserialize)]
struct Page {
    after: Option<Uuid>,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct List {
    next_cursor: Option<Uuid>,
    items: Vec<Customer>,
}

#[derive(Deserialize)]
struct Login {
    email: String,
    password: String,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: Uuid,
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
    permissions: Vec<String>,
}

struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

fn internal(error: impl std::fmt::Display) -> Failure {
    Failure(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

impl<S: Sync> FromRequestParts<S> for Claims {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .and_then(|token| decode(token, &KEY, &RULES).ok())
            .map(|token| token.claims)
            .ok_or_else(|| Failure(StatusCode::UNAUTHORIZED, "unauthorized".to_owned()))
    }
}

impl Claims {
    fn require(&self, permission: &str) -> Result<(), Failure> {
        if self.permissions.iter().any(|held| held == permission) {
            return Ok(());
        }

        Err(Failure(StatusCode::FORBIDDEN, "forbidden".to_owned()))
    }
}

async fn get_customer(
    State(pool): State<PgPool>,
    claims: Claims,
    Path(id): Path<Uuid>,
) -> Result<Json<Customer>, Failure> {
    claims.require("customers.read")?;

    query_as(
        r"SELECT id, email, full_name, phone, notes, created_at FROM bare.customers WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(&pool)
    .await
    .map_err(internal)?
    .map(Json)
    .ok_or_else(|| Failure(StatusCode::NOT_FOUND, "not found".to_owned()))
}

async fn list_customers(
    State(pool): State<PgPool>,
    claims: Claims,
    Query(page): Query<Page>,
) -> Result<Json<List>, Failure> {
    const PAGE: &str = r"
        SELECT id, email, full_name, phone, notes, created_at
        FROM bare.customers
        WHERE id > $1
        ORDER BY id
        LIMIT $2
    ";

    claims.require("customers.read")?;

    let items: Vec<Customer> = query_as(PAGE)
        .bind(page.after.unwrap_or(Uuid::nil()))
        .bind(page.limit.unwrap_or(50).clamp(1, 100))
        .fetch_all(&pool)
        .await
        .map_err(internal)?;
    let next_cursor = items.last().map(|customer| customer.id);

    Ok(Json(List { next_cursor, items }))
}

async fn create_customer(
    State(pool): State<PgPool>,
    claims: Claims,
    Json(new): Json<NewCustomer>,
) -> Result<(StatusCode, Json<Customer>), Failure> {
    const INSERT: &str = r"
        INSERT INTO bare.customers (email, full_name, phone, notes)
        VALUES ($1, $2, $3, $4)
        RETURNING id, email, full_name, phone, notes, created_at
    ";
    const RECORD: &str = r"
        INSERT INTO bare.audit_log (actor, action, entity_id)
        VALUES ($1, 'customers.create', $2)
    ";

    claims.require("customers.write")?;
    new.validate()
        .map_err(|report| Failure(StatusCode::UNPROCESSABLE_ENTITY, report.to_string()))?;

    let mut transaction = pool.begin().await.map_err(internal)?;
    let customer: Customer = query_as(INSERT)
        .bind(new.email)
        .bind(new.full_name)
        .bind(new.phone)
        .bind(new.notes)
        .fetch_one(&mut *transaction)
        .await
        .map_err(internal)?;
    query(RECORD)
        .bind(claims.sub)
        .bind(customer.id)
        .execute(&mut *transaction)
        .await
        .map_err(internal)?;
    transaction.commit().await.map_err(internal)?;

    Ok((StatusCode::CREATED, Json(customer)))
}

async fn log_in(
    State(pool): State<PgPool>,
    Json(login): Json<Login>,
) -> Result<Json<Value>, Failure> {
    let unauthorized = || Failure(StatusCode::UNAUTHORIZED, "unauthorized".to_owned());

    let row: Option<(Uuid, String, Vec<String>)> =
        query_as("SELECT id, password_hash, permissions FROM bare.users WHERE email = $1")
            .bind(login.email)
            .fetch_optional(&pool)
            .await
            .map_err(internal)?;
    let (sub, hash, permissions) = row.ok_or_else(unauthorized)?;

    let verified = tokio::task::spawn_blocking(move || {
        PasswordHash::new(&hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(login.password.as_bytes(), &hash)
                .is_ok()
        })
    });
    if !verified.await.map_err(internal)? {
        return Err(unauthorized());
    }

    let iat = Clock::default().now().unix_timestamp();
    let (iss, aud) = ("bench".to_owned(), "bench".to_owned());
    let claims = Claims {
        sub,
        iss,
        aud,
        iat,
        exp: iat + 3_600,
        permissions,
    };
    let token = encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(SECRET),
    )
    .map_err(internal)?;

    Ok(Json(
        json!({ "access_token": token, "token_type": "bearer" }),
    ))
}
