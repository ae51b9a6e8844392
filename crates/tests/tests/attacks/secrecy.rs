//! Canaries: the tests send personal data and secrets to the service, and then search for them
//! where they must not be.

use std::process::{Command, Stdio};

use mainstay::kernel::ExposeSecret as _;
use mainstay_access::BuiltInRole::Owner;
use mainstay_database::{Owner as SchemaOwner, Row};
use mainstay_testing::{PASSWORD, TestApp};
use serde_json::{Value, json};

use crate::{
    http::send,
    program::{Serving, finish, program, secrets},
};

/// A value that must be found: otherwise a search without results would prove nothing.
const LABEL: &str = "findable-label-7261";

/// Every row of every table as text, with `bytea` in hexadecimal.
const DEFINE: &str = r"
    CREATE FUNCTION pg_temp.everything()
    RETURNS SETOF text
    LANGUAGE plpgsql
    AS $$
    DECLARE
        place text;
    BEGIN
        FOR place IN
            SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
            WHERE schemaname IN ('public', 'mainstay')
        LOOP
            RETURN QUERY EXECUTE format('SELECT %L || t::text FROM %s t', place || ' ', place);
        END LOOP;
    END $$
";

/// A body with a canary in each personal field, marked with `tag`.
fn customer(tag: &str) -> Value {
    json!({
        "full_name": format!("{tag} Zanzibar-name"),
        "email": format!("{tag}.zanzibar@mail-{tag}.example"),
        "phone": format!("+88 {tag} 5550199"),
        "date_of_birth": if tag == "first" { "1907-03-19" } else { "1909-11-23" },
        "national_id": format!("ZANZIBAR-{tag}-ID"),
        "postal_address": format!("{tag} Zanzibar Street\n99887 Nowhere"),
        "notes": format!("{tag} notes on zanzibar"),
    })
}

/// All canaries, in every encoding in which they might occur.
fn canaries() -> Vec<String> {
    let values = ["first", "second"].map(customer);
    let mut all: Vec<_> = values
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|it| it.values().cloned())
        .collect();

    all.push(json!("unknown.zanzibar@nowhere.example"));
    all.push(json!("Refused zanzibar"));

    let texts: Vec<String> = all
        .iter()
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect();
    let first_lines = texts
        .iter()
        .filter_map(|text| text.lines().next().map(str::to_owned));

    let mut spellings: Vec<String> = texts.iter().cloned().chain(first_lines).collect();
    spellings.extend(texts.iter().map(|text| text.to_lowercase()));
    spellings.push("zanzibar".to_owned());

    spellings
}

fn assert_none_in(place: &str, text: &str, canaries: &[String]) {
    let lower = text.to_lowercase();

    for canary in canaries {
        let canary = canary.to_lowercase();
        let hexadecimal: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
        for spelling in [&canary, &hexadecimal] {
            let Some(at) = lower.find(spelling.as_str()) else {
                continue;
            };

            let around: String = lower[..at]
                .chars()
                .rev()
                .take(200)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();

            panic!("{place} contains {canary:?} after: {around}");
        }
    }
}

async fn everything(owner: &mut SchemaOwner) -> String {
    owner
        .run(DEFINE, [])
        .await
        .expect("the function is created");
    let rows = owner
        .run("SELECT * FROM pg_temp.everything()", [])
        .await
        .expect("every table is read");
    rows.iter()
        .map(|row: &Row| row.get::<String>(0).expect("the column is text") + "\n")
        .collect()
}

/// OWASP ASVS 11.3.2, 14.2.4: a dump of the database and the audit log reveal no personal data.
#[tokio::test]
async fn the_database_and_the_audit_log_have_no_personal_data_in_clear() {
    let app = TestApp::start(fixture::platform()).await;
    let owner = app.actor(Owner).await;
    let mut body = customer("first");

    body["tags"] = json!([LABEL]);
    let path = owner
        .post("/v1/customers", body)
        .await
        .assert_status(201)
        .location();

    owner
        .patch(&path, customer("second"))
        .await
        .assert_status(200);

    let search = json!({ "email": customer("second")["email"] });
    let found = owner.post("/v1/customers/search", search).await.json();
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));

    owner
        .post(
            "/v1/customers/search",
            json!({ "email": "unknown.zanzibar@nowhere.example" }),
        )
        .await
        .assert_status(200);

    let revealed = owner.get(&format!("{path}/personal-data")).await.json();
    assert_eq!(revealed["notes"], "second notes on zanzibar");

    let gone = owner
        .post("/v1/customers", customer("first"))
        .await
        .assert_status(201)
        .location();

    owner.delete(&gone).await.assert_status(204);

    let canaries = canaries();
    let mut reader = app.owner().await;
    let rows = everything(&mut reader).await;

    assert!(rows.contains(LABEL), "the search does not find the label");
    assert_none_in("the database", &rows, &canaries);

    // Nor the account's address or credentials.
    assert_none_in(
        "the database",
        &rows,
        &[
            owner.email().to_owned(),
            PASSWORD.to_owned(),
            owner.token().to_owned(),
        ],
    );

    let log = owner.get("/v1/audit/events?limit=100").await.text();
    assert!(
        log.contains("customer.created") && log.contains(LABEL),
        "{log}"
    );
    assert_none_in("the audit log", &log, &canaries);

    if let Some(dump) = dump(&app) {
        assert!(dump.contains(LABEL), "the dump does not contain the label");
        assert_none_in("the dump", &dump, &canaries);
    }
}

/// The output of `pg_dump`, where one for this server's version is installed.
fn dump(app: &TestApp) -> Option<String> {
    let url = app.owner_url();
    let output = Command::new("pg_dump")
        .args(["--inserts", "--dbname", url.expose_secret()])
        .output()
        .ok()?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if complaint.contains("version mismatch") {
        return None;
    }
    assert!(output.status.success(), "{complaint}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// OWASP ASVS 16.2.5, 14.2.1: even when everything is logged, including messages of libraries.
#[tokio::test]
async fn no_log_line_contains_personal_data_or_a_secret() {
    const EMAIL: &str = "zanzibar.admin@mail.example";
    const WRONG: &str = "zanzibar, the wrong password";

    // Both services use one database, so they have one key ring.
    let mut environment = secrets("");
    let value = |name| {
        environment
            .iter()
            .position(|(found, _)| *found == name)
            .expect("the setting exists")
    };

    let (ring, database) = (
        value("MAINSTAY_CRYPTO_KEYS"),
        value("MAINSTAY_DATABASE_URL"),
    );
    let builder =
        TestApp::builder(fixture::platform()).setting("crypto.keys", environment[ring].1.clone());
    let app = builder.start().await;

    let url = app.database_url();
    url.expose_secret().clone_into(&mut environment[database].1);

    let create = [
        "user",
        "create",
        "--email",
        EMAIL,
        "--organization",
        "Here",
        "--password-stdin",
    ];

    let (code, output) = with_input(program(create).envs(environment.clone()), PASSWORD);
    assert_eq!(code, Some(0), "{output}");

    let mut serve = program(["serve"]);
    serve
        .envs(environment.clone())
        .env("MAINSTAY_TELEMETRY_LOG_FILTER", "trace");
    serve
        .env("MAINSTAY_HTTP_BIND", "127.0.0.1:0")
        .env("MAINSTAY_MANAGEMENT_BIND", "127.0.0.1:0");

    let mut serving = Serving::start(&mut serve);
    let (api, _) = serving.addresses();
    let ask = async |method, path: &str, token: &str, body: &Value| {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        send(api, method, path, token, &body).await
    };

    let wrong = json!({ "email": EMAIL, "password": WRONG });
    assert_eq!(ask("POST", "/v1/sessions", "", &wrong).await.status, 401);

    let right = json!({ "email": EMAIL, "password": PASSWORD });
    let token = ask("POST", "/v1/sessions", "", &right).await.json()["access_token"]
        .as_str()
        .unwrap_or("")
        .to_owned();
    let made = ask("POST", "/v1/customers", &token, &customer("first")).await;

    assert_eq!(made.status, 201, "{made:?}");

    let path = made.header("location").to_owned();
    assert_eq!(
        ask("PATCH", &path, &token, &customer("second"))
            .await
            .status,
        200
    );

    let search = json!({ "email": customer("second")["email"] });
    assert_eq!(
        ask("POST", "/v1/customers/search", &token, &search)
            .await
            .status,
        200
    );

    assert_eq!(
        ask(
            "GET",
            &format!("{path}/personal-data"),
            &token,
            &Value::Null
        )
        .await
        .status,
        200
    );

    let refused = json!({ "full_name": "Refused zanzibar", "email": "zanzibar is no address", "zanzibar": 1 });
    assert_eq!(
        ask("POST", "/v1/customers", &token, &refused).await.status,
        422
    );
    assert_eq!(
        ask(
            "GET",
            "/v1/customers?tag=zanzibar&zanzibar=1",
            &token,
            &Value::Null
        )
        .await
        .status,
        422
    );

    assert_eq!(
        ask(
            "GET",
            "/zanzibar/unknown.zanzibar@nowhere.example",
            &token,
            &Value::Null
        )
        .await
        .status,
        404
    );

    let forged = format!("{token}zanzibar");
    assert_eq!(
        ask("GET", "/v1/me", &forged, &Value::Null).await.status,
        401
    );

    serving.signal("TERM");
    assert_eq!(serving.exit_code(), Some(0));

    let log = serving.log();
    assert!(
        log.contains("\"route\":\"/v1/customers/{id}/personal-data\""),
        "the log does not contain the label"
    );
    assert_none_in("the log", &log, &canaries());

    let mut secret = vec![PASSWORD.to_owned(), WRONG.to_owned(), token.clone()];
    secret.extend(token.split('.').map(str::to_owned));

    // The whole URL, and its password.
    let password = url
        .expose_secret()
        .split([':', '@'])
        .nth(2)
        .unwrap_or_default()
        .to_owned();

    assert_eq!(password.len(), 64, "this is not the password");

    secret.push(password);

    secret.extend(
        environment
            .iter()
            .filter(|(name, _)| *name != "MAINSTAY_ENVIRONMENT")
            .map(|(_, value)| value.clone()),
    );

    secret.extend(
        environment
            .iter()
            .flat_map(|(_, value)| value.lines().filter(|line| line.len() > 40))
            .map(str::to_owned),
    );

    assert_none_in("the log", &log, &secret);
}

/// Runs a command with this standard input to its end.
fn with_input(command: &mut Command, input: &str) -> (Option<i32>, String) {
    let file = tempfile::NamedTempFile::new().expect("the temporary file is created");
    std::fs::write(file.path(), input).expect("the file is written");
    finish(command.stdin(Stdio::from(
        std::fs::File::open(file.path()).expect("the file exists"),
    )))
}
