//! What the watch rules find in the audit log, and what they ignore.

use futures_util::future::join_all;
use mainstay::{
    access::BuiltInRole::{Agent, Auditor, Owner},
    config::Reader,
    database::Row,
    kernel::Uuid,
    prelude::{By, LooksFor, Rule, Severity},
    watch::{Settings, Watch},
};
use mainstay_testing::{Actor, Client, PASSWORD, TestApp};
use serde_json::{Value, json};
use time::Duration;

use crate::proxy::{sign_in_from, start_behind_proxy};

/// The platform's rules, some with other thresholds.
fn watch<const N: usize>(thresholds: [(&'static str, u32); N]) -> Watch {
    let values = thresholds.map(|(name, threshold)| (name, threshold.to_string()));
    Watch::new(
        &Settings::read(&mut Reader::new([]).with_layer("test", values)),
        [],
    )
}

async fn look(app: &TestApp, watch: &Watch) -> usize {
    watch.look(app.database()).await.expect("the check runs")
}

/// The findings so far: rule, account, address and number of events.
async fn findings(app: &TestApp) -> Vec<(String, Option<Uuid>, Option<String>, i64)> {
    let text = r"
        SELECT rule, account_id, address, events
        FROM mainstay.findings
        ORDER BY id
    ";
    let rows = app
        .owner()
        .await
        .run(text, [])
        .await
        .expect("the rows are read");

    let get = |row: &Row| {
        Ok::<_, mainstay::database::Error>((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    };

    rows.iter()
        .map(|row| get(row).expect("the row has these columns"))
        .collect()
}

async fn denied(actor: &Client, times: usize) {
    for _ in 0..times {
        actor
            .get("/v1/audit/events")
            .await
            .assert_problem(403, "forbidden");
    }
}

async fn sign_in(app: &TestApp, email: &str, password: &str, from: &str) -> u16 {
    sign_in_from(&app.anonymous(), email, password, from)
        .await
        .status
        .as_u16()
}

/// Writes audit records with a time of `ago` before now.
async fn events(app: &TestApp, action: &str, actor: &Actor, ago: Duration, count: usize) {
    const WRITE: &str = r"
        INSERT INTO mainstay.audit_events (
            id, occurred_at, organization_id, actor_id, session_id, action, operation, resource,
            request_id
        )
        VALUES (
            $1, $2, $3, $4, (SELECT id FROM mainstay.sessions WHERE user_id = $4 LIMIT 1), $5,
            'test', 'customer', $1
        )
    ";

    let mut owner = app.owner().await;
    for _ in 0..count {
        let moment = app.runtime().clock.now() - ago;
        let milliseconds = moment.inner().unix_timestamp_nanos() / 1_000_000;
        let random = u128::from_be_bytes(app.runtime().random.bytes()) >> 48;
        let id = Uuid::from_u128(
            u128::try_from(milliseconds).expect("the time is after 1970") << 80 | random,
        );
        let values = [
            id.into(),
            moment.inner().into(),
            actor.organization().uuid().into(),
            actor.user().uuid().into(),
            action.into(),
        ];

        owner.run(WRITE, values).await.expect("the write succeeds");
    }
}

async fn listed(actor: &Actor, query: &str) -> Vec<Value> {
    let page = actor.get(query).await.assert_status(200).json();
    page["items"].as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn a_burst_of_denials_is_found_once_and_shown_to_the_organization() {
    let (app, clock) = start_behind_proxy().await;
    let watch = watch([("watch.denials_by_account", 5)]);
    let (tries, errs, auditor) = (
        app.actor(Agent).await,
        app.actor(Agent).await,
        app.actor(Auditor).await,
    );

    denied(&tries, 3).await;
    denied(&errs, 4).await;
    assert_eq!(look(&app, &watch).await, 0);

    clock.advance(Duration::minutes(9));
    denied(&tries, 2).await;
    assert_eq!(look(&app, &watch).await, 1);
    assert_eq!(
        findings(&app).await,
        [(
            "denials_by_account".to_owned(),
            Some(tries.user().uuid()),
            None,
            5
        )]
    );

    // The burst goes on, but there is one finding.
    denied(&tries, 1).await;
    assert_eq!(look(&app, &watch).await, 0);

    let [finding] = &listed(&auditor, "/v1/audit/findings").await[..] else {
        panic!("one finding")
    };

    assert_eq!(
        (&finding["rule"], &finding["severity"]),
        (&json!("denials_by_account"), &json!("medium"))
    );
    assert_eq!(
        (&finding["account_id"], &finding["events"]),
        (&json!(tries.user()), &json!(5))
    );

    let [event] = &listed(&auditor, "/v1/audit/events?action=security.finding").await[..] else {
        panic!("one event")
    };

    assert_eq!(
        (&event["resource_id"], &event["operation"]),
        (&finding["id"], &json!("watch"))
    );

    let rule = json!({ "field": "rule", "before": null, "after": "denials_by_account" });
    assert!(
        event["changes"]
            .as_array()
            .is_some_and(|changes| changes.contains(&rule)),
        "{event}"
    );

    let stranger = app.stranger(Owner).await;
    assert!(listed(&stranger, "/v1/audit/findings").await.is_empty());
    tries
        .get("/v1/audit/findings")
        .await
        .assert_problem(403, "forbidden");

    // After a while there is another finding.
    clock.advance(Duration::minutes(10));

    let again = sign_in_again(&app, &tries).await;
    denied(&again, 5).await;
    assert_eq!(look(&app, &watch).await, 1);
}

/// The same denials over a longer time than the window.
#[tokio::test]
async fn denials_over_a_longer_time_are_not_a_burst() {
    let (app, clock) = start_behind_proxy().await;
    let watch = watch([
        ("watch.denials_by_account", 3),
        ("watch.denials_by_address", 3),
    ]);
    let agent = app.actor(Agent).await;

    events(&app, "authz_fail", &agent, Duration::minutes(21), 1).await;
    events(&app, "authz_fail", &agent, Duration::minutes(11), 1).await;
    denied(&agent, 1).await;

    assert_eq!(look(&app, &watch).await, 0);

    clock.advance(Duration::SECOND);
    denied(&agent, 2).await;
    assert_eq!(look(&app, &watch).await, 2);
}

#[tokio::test]
async fn failed_sign_ins_are_counted_by_address() {
    let (app, _) = start_behind_proxy().await;
    let watch = watch([("watch.sign_in_failures_by_address", 4)]);

    for n in 0..4 {
        let email = format!("unknown-{n}@example.org");
        assert_eq!(
            sign_in(&app, &email, "not the password", "203.0.113.7").await,
            401
        );
        assert_eq!(
            sign_in(&app, &email, "not the password", &format!("198.51.100.{n}")).await,
            401
        );
    }

    assert_eq!(look(&app, &watch).await, 1);

    let found = (
        "sign_in_failures_by_address".to_owned(),
        None,
        Some("203.0.113.7".to_owned()),
        4,
    );

    assert_eq!(findings(&app).await, [found]);
}

#[tokio::test]
async fn failed_step_ups_are_counted_by_account() {
    let (app, _) = start_behind_proxy().await;
    let watch = watch([("watch.sign_in_failures_by_account", 3)]);
    let (guesses, errs) = (app.actor(Agent).await, app.actor(Agent).await);
    for (actor, times) in [(&guesses, 3), (&errs, 2)] {
        for _ in 0..times {
            let body = json!({ "password": "not the password at all" });
            actor
                .post("/v1/sessions/current/step-up", body)
                .await
                .assert_problem(401, "invalid_credentials");
        }
    }

    assert_eq!(look(&app, &watch).await, 1);

    let found = (
        "sign_in_failures_by_account".to_owned(),
        Some(guesses.user().uuid()),
        None,
        3,
    );

    assert_eq!(findings(&app).await, [found]);
}

#[tokio::test]
async fn reveals_are_compared_with_the_accounts_habit() {
    let (app, _) = start_behind_proxy().await;
    let watch = watch([("watch.reveals_above_habit", 3)]);
    let (busy, calm) = (app.actor(Owner).await, app.actor(Owner).await);
    let body = json!({ "full_name": "Ada Lovelace", "email": "ada@example.org" });
    let personal = busy
        .post("/v1/customers", body)
        .await
        .assert_status(201)
        .location()
        + "/personal-data";

    let reveal = async |actor: &Actor, times: usize| {
        for _ in 0..times {
            actor.get(&personal).await.assert_status(200);
        }
    };

    // Hours with 5, 6 and 7 reveals: a mean of 6 and a deviation of 0.8, so 9 exceed the habit and
    // 8 do not.
    for (day, count) in [(2, 5), (3, 6), (4, 7)] {
        events(&app, "customer.revealed", &busy, Duration::days(day), count).await;
    }

    // Reveals of more than 30 days ago do not count.
    events(&app, "customer.revealed", &busy, Duration::days(31), 40).await;
    reveal(&busy, 8).await;
    reveal(&calm, 2).await;

    assert_eq!(look(&app, &watch).await, 0);

    reveal(&busy, 1).await;
    reveal(&calm, 1).await;
    assert_eq!(look(&app, &watch).await, 2);

    let mut found = findings(&app).await;
    found.sort_by_key(|(_, _, _, events)| *events);

    let expected = |actor: &Actor, events| {
        (
            "reveals_above_habit".to_owned(),
            Some(actor.user().uuid()),
            None,
            events,
        )
    };

    assert_eq!(found, [expected(&calm, 3), expected(&busy, 9)]);
}

#[tokio::test]
async fn a_sign_in_from_a_new_network_is_found() {
    let (app, clock) = start_behind_proxy().await;
    let watch = watch([]);

    // The first sign-in is from 127.0.0.1.
    let agent = app.actor(Agent).await;
    assert_eq!(look(&app, &watch).await, 0);

    for (from, new) in [
        ("127.0.0.99", None),
        ("203.0.113.5", Some("203.0.113.0/24")),
        ("203.0.113.200", None),
        ("2001:db8:1::1", Some("2001:db8:1::/48")),
        ("2001:db8:1:ffff::2", None),
        ("127.0.0.1", None),
    ] {
        clock.advance(Duration::SECOND);
        assert_eq!(sign_in(&app, agent.email(), PASSWORD, from).await, 201);

        let before = findings(&app).await.len();
        assert_eq!(
            look(&app, &watch).await,
            usize::from(new.is_some()),
            "{from}"
        );

        let found = findings(&app)
            .await
            .into_iter()
            .skip(before)
            .collect::<Vec<_>>();

        let expected = new.map(|network| {
            (
                "sign_in_from_new_network".to_owned(),
                Some(agent.user().uuid()),
                Some(network.to_owned()),
                1,
            )
        });

        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{from}");
    }
}

#[tokio::test]
async fn mass_export_and_mass_reading_are_found() {
    let (app, _) = start_behind_proxy().await;
    let watch = watch([("watch.mass_export", 4), ("watch.mass_reading", 6)]);
    let (takes, reads, works) = (
        app.actor(Owner).await,
        app.actor(Auditor).await,
        app.actor(Owner).await,
    );

    events(&app, "customer.exported", &takes, Duration::minutes(5), 4).await;
    events(&app, "audit_event.listed", &reads, Duration::minutes(5), 6).await;
    events(&app, "customer.exported", &works, Duration::minutes(5), 3).await;
    events(&app, "audit_event.listed", &works, Duration::minutes(5), 5).await;

    assert_eq!(look(&app, &watch).await, 2);

    let mut found = findings(&app).await;
    found.sort();

    let expected = |rule: &str, actor: &Actor, events| {
        (rule.to_owned(), Some(actor.user().uuid()), None, events)
    };
    assert_eq!(
        found,
        [
            expected("mass_export", &takes, 4),
            expected("mass_reading", &reads, 6)
        ]
    );
}

#[tokio::test]
async fn repeated_guesses_of_sealed_values_are_found() {
    let (app, _) = start_behind_proxy().await;
    let watch = watch([("watch.sealed_values_compared", 4)]);
    let (tries, works, sorts) = (
        app.actor(Agent).await,
        app.actor(Agent).await,
        app.actor(Owner).await,
    );

    for (actor, times) in [(&tries, 4), (&works, 3)] {
        for n in 0..times {
            let body = json!({ "email": format!("{n}@example.org") });
            actor
                .post("/v1/customers/search", body)
                .await
                .assert_status(200);
        }
    }

    for _ in 0..4 {
        sorts
            .get("/v1/customers?sort=name")
            .await
            .assert_status(200);
        works
            .get("/v1/customers?sort=newest")
            .await
            .assert_status(200);
    }

    assert_eq!(look(&app, &watch).await, 2);

    let mut found: Vec<_> = findings(&app)
        .await
        .into_iter()
        .map(|(rule, account, _, events)| (rule, account, events))
        .collect();

    found.sort_by_key(|(_, account, _)| *account == Some(sorts.user().uuid()));

    let expected = |actor: &Actor| {
        (
            "sealed_values_compared".to_owned(),
            Some(actor.user().uuid()),
            4,
        )
    };

    assert_eq!(found, [expected(&tries), expected(&sorts)]);
}

/// Records of a slow transaction, and records from an outage of the worker.
#[tokio::test]
async fn late_records_are_not_missed() {
    let (app, clock) = start_behind_proxy().await;
    let watch = watch([("watch.mass_export", 3)]);
    let (late, missed) = (app.actor(Owner).await, app.actor(Owner).await);

    events(&app, "customer.exported", &late, Duration::minutes(30), 2).await;
    assert_eq!(look(&app, &watch).await, 0);

    events(&app, "customer.exported", &late, Duration::minutes(4), 1).await;
    assert_eq!(look(&app, &watch).await, 1);

    clock.advance(Duration::hours(7));
    events(&app, "customer.exported", &missed, Duration::hours(5), 3).await;
    assert_eq!(look(&app, &watch).await, 1);
    assert_eq!(look(&app, &watch).await, 0);

    let found: Vec<_> = findings(&app)
        .await
        .into_iter()
        .map(|(_, account, ..)| account)
        .collect();

    assert_eq!(
        found,
        [Some(late.user().uuid()), Some(missed.user().uuid())]
    );
}

#[tokio::test]
async fn concurrent_checks_write_one_finding() {
    const LOOKING: usize = 8;

    let (app, _) = start_behind_proxy().await;
    let agent = app.actor(Agent).await;
    denied(&agent, 6).await;

    for _ in 0..5 {
        app.owner()
            .await
            .run("DELETE FROM mainstay.finding_subjects", [])
            .await
            .expect("the findings are deleted");

        let before = findings(&app).await.len();
        let watches =
            (0..LOOKING).map(|n| watch([("watch.denials_by_account", 4 + u32::from(n % 2 == 0))]));
        let counts = join_all(watches.map(async |watch| watch.look(app.database()).await)).await;
        let found: usize = counts
            .into_iter()
            .map(|count| count.expect("the check runs"))
            .sum();

        assert_eq!((found, findings(&app).await.len()), (1, before + 1));
    }

    let text = r"
        SELECT count(*)
        FROM mainstay.audit_events
        WHERE action = 'security.finding'
    ";
    let rows = app
        .owner()
        .await
        .run(text, [])
        .await
        .expect("the rows are counted");

    assert_eq!(rows[0].get::<i64>(0).expect("the column is a number"), 5);
}

/// A rule that fails does not stop the others, and is retried.
#[tokio::test]
async fn a_rule_that_fails_does_not_hold_up_the_others() {
    let broken = Rule {
        name: "broken",
        message: "Never.",
        looks_for: LooksFor::Query(
            "SELECT 1 / 0, $1::timestamptz, $2::timestamptz, $3::float8, $4::bigint",
        ),
        window: std::time::Duration::from_secs(60),
        threshold: 1,
        severity: Severity::Low,
    };

    let after = Rule {
        name: "customers_made",
        message: "Customers were made.",
        looks_for: LooksFor::Burst {
            of: &["customer.created"],
            by: By::Account,
        },
        ..broken
    };

    let (app, _) = start_behind_proxy().await;
    let agent = app.actor(Agent).await;
    let body = json!({ "full_name": "Ada", "email": "ada@example.org" });

    agent.post("/v1/customers", body).await.assert_status(201);

    let watch = Watch::new(&Settings::read(&mut Reader::new([])), [broken, after]);
    watch
        .look(app.database())
        .await
        .expect_err("one rule fails");

    assert_eq!(
        findings(&app).await,
        [(
            "customers_made".to_owned(),
            Some(agent.user().uuid()),
            None,
            1
        )]
    );
}

async fn sign_in_again(app: &TestApp, actor: &Actor) -> Client {
    let body = json!({ "email": actor.email(), "password": PASSWORD });
    let session = app
        .anonymous()
        .post("/v1/sessions", body)
        .await
        .assert_status(201)
        .json();
    app.anonymous().with_token(
        session["access_token"]
            .as_str()
            .expect("the response has a token"),
    )
}
