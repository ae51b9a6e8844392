//! A service that was in use before its log had partitions and a seal, brought up to date by `migrate`.

use mainstay::kernel::ExposeSecret as _;
use mainstay_database::{DatabaseUrl, Migrations, Owner};
use mainstay_testing::TestApp;
use tokio::time::timeout;

use crate::{
    databases::Beside,
    http::PATIENCE,
    program::{Serving, finish, program, secrets},
};

/// The last version whose log is a single table.
const BEFORE: i32 = 13;

/// Where the records of a moment belong. The months are long gone, or far ahead of any that is made, so that it does not
/// matter when the tests run.
const PLACES: &[(&str, &str)] = &[
    ("1999-07-01T12:00:00Z", "audit_events_default"),
    ("2019-12-31T23:59:59.999Z", "audit_events_default"),
    ("2020-01-01T00:00:00Z", "audit_events_2020_01"),
    ("2024-02-29T12:00:00Z", "audit_events_2024_02"),
    ("2024-02-29T23:59:59.999Z", "audit_events_2024_02"),
    ("2024-03-01T00:00:00Z", "audit_events_2024_03"),
    ("2025-06-15T08:30:00+02:00", "audit_events_2025_06"),
    ("2199-01-01T00:00:00Z", "audit_events_default"),
];

/// As many records of a moment.
const EACH: i64 = 40;

/// Records as version 13 kept them: some with all columns, some with as few as there may be.
const WRITE: &str = r"
    INSERT INTO audit_events (
        id, occurred_at, organization_id, actor_id, session_id, action, operation, resource,
        resource_id, request_id, address, before, after
    )
    SELECT (
        lpad(
            to_hex((extract(epoch FROM $1::text::timestamptz) * 1000)::bigint), 12, '0'
        ) || '7' || substr(md5($1 || n), 1, 3) || '8' || substr(md5($1 || n), 4, 15)
    )::uuid, $1::text::timestamptz, full_row.id, full_row.id, full_row.id, 'customer.updated',
        'update_customer', 'customer', full_row.id, gen_random_uuid(),
        '192.0.2.' || full_row.version,
        jsonb_build_object(
            'phone', '\x' || md5(full_row.version::text), 'version', full_row.version
        ), jsonb_build_object('phone', NULL, 'note', E'\u00e4\n', 'version', full_row.version + 1)
    FROM generate_series(1, $2) AS n
    LEFT JOIN LATERAL (
        SELECT n AS version, gen_random_uuid() AS id
        WHERE n % 2 = 0
    ) AS full_row ON true
";

/// The records as version 13 knows them.
const RECORDS: &str = r"
    SELECT id::text, row_to_json(e)::text
    FROM (
        SELECT id, occurred_at, organization_id, actor_id, session_id, action, operation, resource,
            resource_id, request_id, address, before, after
        FROM audit_events
    ) AS e
    WHERE operation = 'update_customer'
    ORDER BY id
";

async fn connect(beside: &Beside) -> Owner {
    Owner::connect(&DatabaseUrl::parse(&beside.owner).expect("the URL is verified"))
        .await
        .expect("the owner connects")
}

async fn records(owner: &mut Owner) -> Vec<(String, String)> {
    let rows = owner.run(RECORDS, []).await.expect("the log is read");
    rows.iter()
        .map(|row| (row.get(0).expect("an id"), row.get(1).expect("a record")))
        .collect()
}

async fn number(owner: &mut Owner, text: &'static str) -> i64 {
    owner.run(text, []).await.expect("it is counted")[0]
        .get(0)
        .expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_from_before_partitions_and_seal_moves_into_them_as_it_is() {
    const UNSEALED: &str = r"
            SELECT count(*)
            FROM audit_events
            WHERE id NOT IN (SELECT event_id FROM audit_leaves)
        ";

    let app = TestApp::start(fixture::platform()).await;
    let beside = Beside::make(&app, "CREATE DATABASE version_13").await;
    let mut owner = connect(&beside).await;
    let all = app.platform().schema().get_migrations();
    let old: Vec<_> = all
        .iter()
        .filter(|migration| migration.version() <= BEFORE)
        .cloned()
        .collect();

    assert_eq!(
        owner
            .migrate(&Migrations::new(&old))
            .await
            .expect("it is migrated")
            .applied
            .len(),
        13
    );

    for (moment, _) in PLACES {
        owner
            .run(WRITE, [(*moment).into(), EACH.into()])
            .await
            .expect("they are written");
    }

    let before = records(&mut owner).await;
    assert_eq!(
        before.len(),
        PLACES.len() * usize::try_from(EACH).expect("a few")
    );

    let (code, told) = finish(
        program(["migrate"]).env("MAINSTAY_DATABASE_OWNER_URL", beside.owner.expose_secret()),
    );
    assert!(code == Some(0) && told.contains("V14"), "{told}");

    // Each record is there as it was, in the month in which it was written.
    assert!(
        records(&mut owner).await == before,
        "a record was lost or altered"
    );

    for (moment, partition) in PLACES {
        const PARTITION: &str = r"
            SELECT count(*)
            FROM audit_events
            WHERE occurred_at = $1::text::timestamptz AND tableoid::regclass::text = $2
        ";
        let rows = owner
            .run(PARTITION, [(*moment).into(), (*partition).into()])
            .await
            .expect("it is counted");
        assert_eq!(
            rows[0].get::<i64>(0).expect("a number"),
            EACH,
            "of {moment} in {partition}"
        );
    }

    // Nobody wrote in a month between.
    let between = "SELECT count(*) FROM pg_class WHERE relname = 'audit_events_2023_01'";
    assert_eq!(number(&mut owner, between).await, 0);

    // What came before the seal is sealed as it was found, and from then on nobody changes it unseen.
    let mut environment = secrets(beside.server.expose_secret());
    environment.extend(
        ["MAINSTAY_HTTP_BIND", "MAINSTAY_MANAGEMENT_BIND"]
            .map(|name| (name, "127.0.0.1:0".to_owned())),
    );

    assert_eq!(
        number(&mut owner, UNSEALED).await,
        i64::try_from(before.len()).expect("a few")
    );

    let mut service = Serving::start(program(["serve"]).envs(environment.clone()));
    let sealed = timeout(PATIENCE, async {
        while number(&mut owner, UNSEALED).await > 0 {}
    })
    .await;
    sealed.unwrap_or_else(|_| panic!("the log is not sealed: {}", service.log()));
    service.signal("TERM");

    assert_eq!(service.exit_code(), Some(0), "{}", service.log());

    // A clock was wrong then: one of the records is of 2199.
    let dated_from = before.len().to_string();
    let verify = || {
        finish(program(["audit", "verify", "--dated-from", &dated_from]).envs(environment.clone()))
    };
    let (code, told) = verify();

    assert!(
        code == Some(0) && told.contains("The log is what was sealed."),
        "{told}"
    );

    for statement in [
        "ALTER TABLE audit_events_2020_01 DISABLE TRIGGER USER",
        r"
            UPDATE audit_events_2020_01
            SET address = '192.0.2.99'
            WHERE id = (SELECT id FROM audit_events_2020_01 LIMIT 1)
        ",
    ] {
        owner.run(statement, []).await.expect("the owner may");
    }

    let (code, told) = verify();
    assert!(
        code == Some(1) && told.contains("is not what was sealed"),
        "{told}"
    );
}
