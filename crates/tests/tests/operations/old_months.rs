//! Records of months long gone, which somebody brings into the log: each is in the partition of its
//! month, and is sealed as it is found.

use mainstay::kernel::ExposeSecret as _;
use mainstay_database::{DatabaseUrl, Owner};
use mainstay_testing::TestApp;
use tokio::time::timeout;

use crate::{
    databases::Beside,
    http::PATIENCE,
    program::{Serving, finish, program, secrets},
};

/// Where the records of a moment belong. The months are long gone, or far ahead of any that is
/// made, so that it does not matter when the tests run.
const PLACES: &[(&str, &str)] = &[
    ("1999-07-01T12:00:00Z", "mainstay.audit_events_default"),
    ("2019-12-31T23:59:59.999Z", "mainstay.audit_events_default"),
    ("2020-01-01T00:00:00Z", "mainstay.audit_events_2020_01"),
    ("2024-02-29T12:00:00Z", "mainstay.audit_events_2024_02"),
    ("2024-02-29T23:59:59.999Z", "mainstay.audit_events_2024_02"),
    ("2024-03-01T00:00:00Z", "mainstay.audit_events_2024_03"),
    ("2025-06-15T08:30:00+02:00", "mainstay.audit_events_2025_06"),
    ("2199-01-01T00:00:00Z", "mainstay.audit_events_default"),
];

/// What takes the guards away that hold a record to the present, and to a session of its account.
const UNGUARDED: &[&str] = &[
    "DROP TRIGGER audit_events_time ON mainstay.audit_events",
    "DROP TRIGGER audit_events_actor ON mainstay.audit_events",
];

/// The months that have a partition.
const MONTHS: &[&str] = &[
    "SELECT mainstay.make_audit_partition('2020-01-01')",
    "SELECT mainstay.make_audit_partition('2024-02-01')",
    "SELECT mainstay.make_audit_partition('2024-03-01')",
    "SELECT mainstay.make_audit_partition('2025-06-01')",
];

/// As many records of a moment.
const EACH: i64 = 40;

/// Some with all columns, some with as few as there may be.
const WRITE: &str = r"
    INSERT INTO mainstay.audit_events (
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

/// The records, without the transaction that wrote them.
const RECORDS: &str = r"
    SELECT id::text, row_to_json(e)::text
    FROM (
        SELECT id, occurred_at, organization_id, actor_id, session_id, action, operation, resource,
            resource_id, request_id, address, before, after
        FROM mainstay.audit_events
    ) AS e
    WHERE operation = 'update_customer'
    ORDER BY id
";

async fn connect(beside: &Beside) -> Owner {
    Owner::connect(&DatabaseUrl::parse(&beside.owner).expect("the URL is valid"))
        .await
        .expect("the owner connects")
}

async fn records(owner: &mut Owner) -> Vec<(String, String)> {
    let rows = owner.run(RECORDS, []).await.expect("the log is read");
    rows.iter()
        .map(|row| {
            (
                row.get(0).expect("the id is present"),
                row.get(1).expect("a record"),
            )
        })
        .collect()
}

async fn number(owner: &mut Owner, text: &'static str) -> i64 {
    owner.run(text, []).await.expect("the rows are counted")[0]
        .get(0)
        .expect("the column is a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_old_months_are_in_their_partitions_and_sealed_as_they_are() {
    const UNSEALED: &str = r"
        SELECT count(*)
        FROM mainstay.audit_events
        WHERE id NOT IN (SELECT event_id FROM mainstay.audit_leaves)
    ";

    let app = TestApp::start(fixture::platform()).await;
    let beside = Beside::make(&app, "CREATE DATABASE old_months").await;
    let mut owner = connect(&beside).await;

    owner
        .migrate(app.platform().schema())
        .await
        .expect("the schema is migrated");

    for statement in UNGUARDED.iter().chain(MONTHS) {
        owner
            .run(statement, [])
            .await
            .expect("the owner's statement runs");
    }

    for (moment, _) in PLACES {
        owner
            .run(WRITE, [(*moment).into(), EACH.into()])
            .await
            .expect("the rows are written");
    }

    let before = records(&mut owner).await;
    assert_eq!(
        before.len(),
        PLACES.len() * usize::try_from(EACH).expect("the number is small")
    );

    for (moment, partition) in PLACES {
        const PARTITION: &str = r"
            SELECT count(*)
            FROM mainstay.audit_events
            WHERE occurred_at = $1::text::timestamptz AND tableoid::regclass::text = $2
        ";
        let rows = owner
            .run(PARTITION, [(*moment).into(), (*partition).into()])
            .await
            .expect("the rows are counted");
        assert_eq!(
            rows[0].get::<i64>(0).expect("the column is a number"),
            EACH,
            "of {moment} in {partition}"
        );
    }

    // They are sealed as they were found, and from then on no change stays unseen.
    let mut environment = secrets(beside.server.expose_secret());
    environment.extend(
        ["MAINSTAY_HTTP_BIND", "MAINSTAY_MANAGEMENT_BIND"]
            .map(|name| (name, "127.0.0.1:0".to_owned())),
    );

    assert_eq!(
        number(&mut owner, UNSEALED).await,
        i64::try_from(before.len()).expect("the number is small")
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
        code == Some(0) && told.contains("The log is intact."),
        "{told}"
    );

    for statement in [
        "ALTER TABLE mainstay.audit_events_2020_01 DISABLE TRIGGER USER",
        r"
            UPDATE mainstay.audit_events_2020_01
            SET address = '192.0.2.99'
            WHERE id = (SELECT id FROM mainstay.audit_events_2020_01 LIMIT 1)
        ",
    ] {
        owner
            .run(statement, [])
            .await
            .expect("the owner's statement runs");
    }

    let (code, told) = verify();
    assert!(
        code == Some(1) && told.contains("was altered after it was sealed"),
        "{told}"
    );
}
