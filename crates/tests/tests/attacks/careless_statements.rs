//! Hand-written statements of a careless colleague, through a handle that is limited to an owner:
//! each writes rows of the owner, or is refused.

use std::collections::BTreeSet;

use mainstay::{
    access::BuiltInRole::{Agent, Owner},
    database::{Change, Event, Sql},
    prelude::*,
};
use mainstay_testing::{Actor, TestApp};
use serde_json::{Value, json};

permission! {
    /// Write statements.
    pub StatementsWrite = "statements.write", for [Owner];
}

const GRANTS: [&str; 2] = [
    r"
        INSERT INTO mainstay.permissions (name, help)
        VALUES ('statements.write', '')
        ON CONFLICT DO NOTHING
    ",
    r"
        INSERT INTO mainstay.role_permissions
        SELECT id, 'statements.write'
        FROM mainstay.roles
        WHERE name = 'owner'
        ON CONFLICT DO NOTHING
    ",
];

/// Texts that would write rows of everyone if nothing limited them. `$1` is the account of another
/// person, `$2` another organization, and `$3` a new ID.
const OF_A_PERSON: [&str; 17] = [
    "changed AS (UPDATE mainstay.sessions SET multi_factor = true RETURNING id)",
    "changed AS (UPDATE mainstay.sessions SET multi_factor = true WHERE multi_factor OR true RETURNING id)",
    "changed AS (UPDATE mainstay.sessions SET multi_factor = true -- WHERE user_id = $1
        RETURNING id)",
    "changed AS (UPDATE mainstay.sessions s SET multi_factor = true FROM mainstay.users u RETURNING s.id)",
    "changed AS (UPDATE mainstay.sessions AS users SET multi_factor = true RETURNING users.id)",
    "changed AS (UPDATE mainstay.sessions SET multi_factor = true WHERE user_id = $1 RETURNING id)",
    "changed AS (UPDATE mainstay.sessions SET organization_id = NULL WHERE user_id = $1 RETURNING id)",
    "changed AS (UPDATE mainstay.users SET password_alone = true RETURNING id)",
    "changed AS (UPDATE mainstay.users SET password_alone = true WHERE id = $1 RETURNING id)",
    "changed AS (DELETE FROM mainstay.sign_in_places RETURNING place)",
    "changed AS (DELETE FROM mainstay.sign_in_places p USING mainstay.users u WHERE u.id <> p.user_id RETURNING place)",
    "changed AS (INSERT INTO mainstay.recovery_codes (user_id, hashes, created_at) VALUES ($1, '{}', now())
        RETURNING user_id)",
    "changed AS (INSERT INTO mainstay.recovery_codes AS r (user_id, hashes, created_at)
        SELECT u.id, '{}'::bytea[], now() FROM mainstay.users u UNION SELECT $1, '{}'::bytea[], now() FROM held
        ON CONFLICT ON CONSTRAINT recovery_codes_pkey DO UPDATE SET hashes = '{}' RETURNING user_id)",
    "sessions AS (SELECT * FROM mainstay.sessions),
        changed AS (UPDATE mainstay.sessions s SET multi_factor = true FROM sessions RETURNING s.id)",
    "found AS (SELECT u.id FROM mainstay.users u LEFT JOIN mainstay.sessions s ON false FOR UPDATE OF u),
        changed AS (UPDATE mainstay.users u SET password_alone = true FROM found RETURNING u.id)",
    "changed AS (SELECT mainstay.end_sessions($1, $2, NULL, now()))",
    "made AS (INSERT INTO mainstay.organizations (id, name, created_at) VALUES ($3, 'Mine', now()) RETURNING id),
        changed AS (INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
        SELECT $1, made.id, '00000000-0000-7000-8000-000000000001', now() FROM made RETURNING user_id)",
];

/// Texts that reach for something else.
const REFUSED_TO_A_PERSON: [&str; 32] = [
    "changed AS (UPDATE mainstay.users SET data_key = 1 RETURNING id)",
    "changed AS (UPDATE mainstay.sessions SET user_id = $1 RETURNING id)",
    "changed AS (UPDATE mainstay.sessions SET (multi_factor, user_id) = (true, $1) RETURNING id)",
    "changed AS (INSERT INTO mainstay.recovery_codes (user_id, hashes, created_at) VALUES ($1, '{}', now())
        ON CONFLICT ON CONSTRAINT recovery_codes_pkey DO UPDATE SET user_id = $1 RETURNING user_id)",
    "changed AS (INSERT INTO mainstay.recovery_codes VALUES ($1, '{}', now()) RETURNING user_id)",
    "changed AS (INSERT INTO mainstay.recovery_codes (hashes, created_at) VALUES ('{}', now()) RETURNING user_id)",
    "changed AS (INSERT INTO mainstay.recovery_codes (user_id, hashes, created_at) TABLE mainstay.recovery_codes)",
    "changed AS (INSERT INTO mainstay.recovery_codes (user_id, hashes, created_at)
        SELECT r.* FROM mainstay.recovery_codes r)",
    "changed AS (UPDATE sessions SET multi_factor = true RETURNING id)",
    "changed AS (SELECT u.id FROM mainstay.users u TABLESAMPLE SYSTEM (100) FOR UPDATE OF u)",
    "changed AS (SELECT u.id FROM ONLY mainstay.users u FOR UPDATE OF u)",
    "changed AS (SELECT u.id FROM mainstay.users * u FOR UPDATE OF u)",
    r#"changed AS (UPDATE "mainstay"."sessions" SET multi_factor = true RETURNING id)"#,
    "changed AS (UPDATE ONLY mainstay.sessions SET multi_factor = true RETURNING id)",
    "changed AS (DELETE FROM mainstay.sessions RETURNING id)",
    "changed AS (DELETE FROM mainstay.refresh_tokens RETURNING hash)",
    "changed AS (DELETE FROM mainstay.api_keys k USING mainstay.client_secrets c RETURNING k.id)",
    "changed AS (UPDATE mainstay.memberships SET role_id = '00000000-0000-7000-8000-000000000001' RETURNING user_id)",
    "changed AS (INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
        SELECT u.id, $2, '00000000-0000-7000-8000-000000000001', now() FROM mainstay.users u RETURNING user_id)",
    "made AS (SELECT $2::uuid AS id), changed AS (INSERT INTO mainstay.memberships
        (user_id, organization_id, role_id, created_at)
        SELECT $1, made.id, '00000000-0000-7000-8000-000000000001', now() FROM made RETURNING user_id)",
    "made AS (INSERT INTO mainstay.organizations (id, name, created_at) VALUES ($3, 'Mine', now()) RETURNING id),
        changed AS (INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
        SELECT $1, made.id, '00000000-0000-7000-8000-000000000001', now() FROM unnest(ARRAY[$2::uuid]) AS made (id)
        RETURNING user_id)",
    "made (name, id) AS (INSERT INTO mainstay.organizations (id, name, created_at) VALUES ($3, 'Mine', now())
        RETURNING id, $2::uuid), changed AS (INSERT INTO mainstay.memberships
        (user_id, organization_id, role_id, created_at)
        SELECT $1, made.id, '00000000-0000-7000-8000-000000000001', now() FROM made RETURNING user_id)",
    "changed AS (INSERT INTO mainstay.authorization_codes (hash, client_id, redirect_uri, challenge, granted_by,
        organization_id, scopes, created_at, expires_at, grant_id)
        SELECT 'x', 'x', 'x', 'x', s.id, NULL, '{}', now(), now(), $3 FROM mainstay.sessions s RETURNING hash)",
    "changed AS (WITH gone AS (DELETE FROM mainstay.sign_in_places RETURNING place) SELECT place FROM gone)",
    "changed AS (SELECT mainstay.destroy_data_key(k.id) FROM mainstay.data_keys k)",
    "changed AS (DELETE FROM mainstay.sign_in_places p
        RETURNING (SELECT mainstay.destroy_data_key(p.data_key) FROM unnest(ARRAY[1::bigint]) AS p (data_key)))",
    "changed AS (UPDATE mainstay.users u SET data_key = 1 RETURNING mainstay.destroy_data_key(u.data_key))",
    "changed AS (SELECT ended FROM mainstay.end_sessions($1, NULL, NULL, now()) AS ended)",
    "changed AS (SELECT mainstay.end_sessions(person => $1, place => NULL, kept => NULL, at => now()))",
    "changed AS (SELECT mainstay.end_sessions_of_client('web', now()))",
    "changed AS (SELECT 1) SELECT 1; DELETE FROM mainstay.sign_in_places; WITH a AS (SELECT 1)",
    "changed AS (MERGE INTO mainstay.sign_in_places p USING mainstay.users u ON true WHEN MATCHED THEN DELETE)",
];

/// As [`OF_A_PERSON`], for a member of an organization.
const OF_AN_ORGANIZATION: [&str; 12] = [
    "changed AS (UPDATE mainstay.sessions SET multi_factor = true RETURNING id)",
    "changed AS (UPDATE mainstay.sessions SET multi_factor = true WHERE organization_id = $2 RETURNING id)",
    "changed AS (UPDATE mainstay.sessions s SET multi_factor = true FROM mainstay.memberships m
        WHERE m.user_id = s.user_id OR s.organization_id = $2 RETURNING s.id)",
    "changed AS (UPDATE mainstay.users SET active = false RETURNING id)",
    "changed AS (UPDATE mainstay.users SET active = false WHERE id = $1 OR kind = 'person' RETURNING id)",
    "changed AS (UPDATE mainstay.organizations SET name = 'Mine' RETURNING id)",
    "changed AS (UPDATE mainstay.organizations SET name = 'Mine' WHERE id = $2 OR true RETURNING id)",
    "changed AS (DELETE FROM mainstay.roles WHERE name = 'agent' OR organization_id = $2 RETURNING id)",
    "changed AS (DELETE FROM mainstay.role_permissions p USING mainstay.roles r RETURNING p.permission)",
    "changed AS (INSERT INTO mainstay.roles AS r (id, organization_id, name) VALUES ($3, $2, 'mine')
        ON CONFLICT (id) DO UPDATE SET name = 'taken' RETURNING id)",
    "changed AS (DELETE FROM mainstay.invitations i RETURNING mainstay.destroy_data_key(i.data_key))",
    "member AS (SELECT user_id FROM mainstay.memberships WHERE user_id = $1 OR organization_id = $2 FOR UPDATE),
        changed AS (SELECT mainstay.end_sessions(user_id, $2, NULL, now()) FROM member
        UNION ALL SELECT mainstay.end_sessions($1, $2, NULL, now()))",
];

/// As [`REFUSED_TO_A_PERSON`].
const REFUSED_TO_AN_ORGANIZATION: [&str; 10] = [
    "changed AS (UPDATE mainstay.sessions SET organization_id = $2 RETURNING id)",
    "changed AS (UPDATE mainstay.users SET kind = 'service' RETURNING id)",
    "changed AS (DELETE FROM mainstay.passkeys RETURNING id)",
    "changed AS (DELETE FROM mainstay.totps RETURNING user_id)",
    "changed AS (INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
        VALUES ($1, $2, '00000000-0000-7000-8000-000000000001', now()) RETURNING user_id)",
    "found AS (UPDATE mainstay.organizations SET name = 'Mine' RETURNING id),
        changed AS (INSERT INTO mainstay.memberships (user_id, organization_id, role_id, created_at)
        SELECT found.id, $2, '00000000-0000-7000-8000-000000000001', now() FROM found RETURNING user_id)",
    "changed AS (INSERT INTO mainstay.role_permissions (role_id, permission)
        SELECT r.id, 'statements.write' FROM mainstay.roles r RETURNING permission)",
    "changed AS (SELECT mainstay.forget_account($1))",
    "changed AS (DELETE FROM mainstay.sessions s USING mainstay.users u RETURNING mainstay.forget_account(u.id))",
    "changed AS (SELECT mainstay.is_last_owner($1))",
];

/// What the statements reach for.
#[input]
struct Others {
    user: Uuid,
    organization: Uuid,
    new: Uuid,
}

/// Write rows of the caller's account.
#[post("/v1/statements/person/{number}")]
async fn write_own(
    by: SignedIn,
    Path(number): Path<u32>,
    Json(others): Json<Others>,
) -> Result<NoContent, Problem> {
    let texts = OF_A_PERSON.iter().chain(&REFUSED_TO_A_PERSON);
    write(&by.sql(), texts, number, others).await
}

/// Write rows of the caller's organization.
#[post("/v1/statements/organization/{number}")]
async fn write_organization(
    by: Allowed<StatementsWrite>,
    Path(number): Path<u32>,
    Json(others): Json<Others>,
) -> Result<NoContent, Problem> {
    let texts = OF_AN_ORGANIZATION.iter().chain(&REFUSED_TO_AN_ORGANIZATION);
    write(&by.sql(), texts, number, others).await
}

async fn write(
    sql: &Sql,
    mut texts: impl Iterator<Item = &&'static str>,
    number: u32,
    others: Others,
) -> Result<NoContent, Problem> {
    let text = texts
        .nth(number as usize)
        .ok_or_else(|| NOT_FOUND.problem())?;
    let event = Event {
        action: "statement.written".into(),
        resource: "statement",
        resource_id: None,
        organization: None,
    };

    let values = [
        others.user.into(),
        others.organization.into(),
        others.new.into(),
    ];
    sql.change(Change::new("statements.write", text, values, event))
        .await?;

    Ok(NoContent)
}

/// The rows of the platform's tables, but for those that record what happened.
async fn rows(app: &TestApp) -> BTreeSet<String> {
    const TABLES: &str = r"
        SELECT c.oid::regclass::text
        FROM pg_class c
        WHERE c.relnamespace = 'mainstay'::regnamespace
          AND c.relkind IN ('r', 'p')
          AND c.relname NOT LIKE 'audit_%'
          AND c.relname NOT IN ('access_changes', 'jobs', 'periodic_tasks')
    ";

    let mut owner = app.owner().await;
    let tables = owner.run(TABLES, []).await.expect("the tables are listed");

    let mut rows = BTreeSet::new();
    for table in tables {
        let table: String = table.get(0).expect("the table has a name");
        let text =
            format!("SELECT '{table} ' || (to_jsonb(t) - 'last_used_at')::text FROM {table} t");
        let found = owner.run(text.leak(), []).await.expect("the table is read");
        rows.extend(
            found
                .iter()
                .map(|row| row.get::<String>(0).expect("the row is text")),
        );
    }

    rows
}

/// Sends the statements, and asserts that each ends as expected and leaves the rows of others as
/// they are. `me` is the owner's ID, and `others` are IDs that no new row may have.
async fn attack(
    app: &TestApp,
    actor: &Actor,
    path: &str,
    (written, refused): (usize, usize),
    me: &str,
    others: &Value,
) {
    let mut before = rows(app).await;
    let other: Uuid = others["user"]
        .as_str()
        .and_then(|id| id.parse().ok())
        .expect("an ID");
    let unlike = !other.as_u128();

    for number in 0..written + refused {
        let mut body = others.clone();
        body["new"] = json!(Uuid::from_u128(unlike ^ number as u128));
        let answer = actor.post(&format!("{path}/{number}"), body).await;
        if number < written {
            answer.assert_status(204);
        } else {
            answer.assert_problem(500, "internal_error");
        }

        let after = rows(app).await;
        let lost: Vec<_> = before
            .difference(&after)
            .filter(|row| !row.contains(me))
            .collect();
        let gained: Vec<_> = after
            .difference(&before)
            .filter(|row| {
                [&others["user"], &others["organization"]]
                    .iter()
                    .any(|id| row.contains(id.as_str().unwrap_or_default()))
            })
            .collect();
        assert!(
            lost.is_empty() && gained.is_empty(),
            "{path}/{number}: {lost:#?} {gained:#?}"
        );
        assert!(number < written || after == before, "{path}/{number}");

        before = after;
    }
}

async fn start() -> TestApp {
    let module = Module::new("statements").endpoints((write_own, write_organization));
    let app = TestApp::builder(fixture::platform().module(module))
        .start()
        .await;
    let mut owner = app.owner().await;
    for grant in GRANTS {
        owner.run(grant, []).await.expect("the grant is made");
    }

    app
}

#[tokio::test]
async fn statements_of_a_person_write_no_row_of_others() {
    let app = start().await;
    let (colleague, stranger) = (app.actor(Agent).await, app.stranger(Owner).await);

    let elsewhere = stranger.organization();

    for other in [colleague, stranger] {
        let me = app.actor(Owner).await;
        let others = json!({ "user": other.user(), "organization": elsewhere });
        attack(
            &app,
            &me,
            "/v1/statements/person",
            (OF_A_PERSON.len(), REFUSED_TO_A_PERSON.len()),
            &me.user().to_string(),
            &others,
        )
        .await;
    }
}

#[tokio::test]
async fn statements_of_an_organization_write_no_row_of_others() {
    let app = start().await;
    let (me, stranger) = (app.actor(Owner).await, app.stranger(Owner).await);
    let others = json!({ "user": stranger.user(), "organization": stranger.organization() });

    attack(
        &app,
        &me,
        "/v1/statements/organization",
        (OF_AN_ORGANIZATION.len(), REFUSED_TO_AN_ORGANIZATION.len()),
        &me.organization().to_string(),
        &others,
    )
    .await;
}
