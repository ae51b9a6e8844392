//! The database restarts while customers are created. Acknowledged customers are stored, and none
//! is incomplete (OWASP ASVS 2.3.3).

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mainstay_access::BuiltInRole::Agent;
use mainstay_testing::{Actor, TestApp};
use serde_json::json;

use crate::http::PATIENCE;

const CLIENTS: usize = 4;
const RESTARTS: usize = 3;

/// The responses that the clients received.
#[derive(Default)]
struct Ledger {
    acknowledged: Mutex<BTreeSet<String>>,
    refused: AtomicUsize,
    done: AtomicBool,
}

impl Ledger {
    fn count(&self) -> usize {
        self.acknowledged
            .lock()
            .expect("the lock is not poisoned")
            .len()
    }

    /// Waits for this many more acknowledgements.
    async fn wait_for(&self, more: usize) {
        let enough = self.count() + more;
        let reached = async {
            while self.count() < enough {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached)
            .await
            .expect("customers are created again");
    }

    async fn create_until_done(&self, agent: &Actor) {
        while !self.done.load(Ordering::Relaxed) {
            let answer = agent
                .post(
                    "/v1/customers",
                    json!({ "full_name": "Ada", "email": "ada@example.org" }),
                )
                .await;

            if answer.status == 201 {
                let id = answer.json()["id"]
                    .as_str()
                    .map(str::to_owned)
                    .expect("the id is present");
                self.acknowledged
                    .lock()
                    .expect("the lock is not poisoned")
                    .insert(id);
            } else {
                // A change whose connection broke may have been committed.
                let code = answer.assert_status(503).problem().code;
                assert!(
                    ["unavailable", "outcome_unknown"].contains(&code.as_str()),
                    "{code}"
                );
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

#[tokio::test]
async fn acknowledged_changes_survive_restarts() {
    let app = TestApp::builder(fixture::platform())
        .own_cluster()
        .start()
        .await;
    let agent = app.actor(Agent).await;
    let ledger = Ledger::default();
    let creating =
        futures_util::future::join_all((0..CLIENTS).map(|_| ledger.create_until_done(&agent)));

    let restarting = async {
        for _ in 0..RESTARTS {
            ledger.wait_for(20).await;
            app.stop_postgres().await;
            app.start_postgres().await;
        }
        ledger.wait_for(20).await;
        ledger.done.store(true, Ordering::Relaxed);
    };

    tokio::join!(creating, restarting);
    assert!(
        ledger.refused.load(Ordering::Relaxed) > 0,
        "no request failed"
    );

    let mut owner = app.owner().await;
    let rows = owner
        .run("SELECT id::text FROM customers", [])
        .await
        .expect("the rows are read");
    let stored: BTreeSet<String> = rows
        .iter()
        .map(|row| row.get(0).expect("the id is present"))
        .collect();
    let acknowledged = ledger
        .acknowledged
        .into_inner()
        .expect("the lock is not poisoned");

    let lost: Vec<_> = acknowledged.difference(&stored).collect();
    assert!(
        lost.is_empty(),
        "{} of {} are lost: {lost:?}",
        lost.len(),
        acknowledged.len()
    );

    // Each customer has one audit record and one key, and there are no others.
    let halves = r"
        SELECT coalesce(c.id, e.resource_id, k.subject_id)::text
        FROM customers c
        FULL JOIN (
            SELECT resource_id
            FROM audit_events
            WHERE action = 'customer.created'
        ) e ON e.resource_id = c.id
        FULL JOIN (
            SELECT id, subject_id
            FROM data_keys
            WHERE id NOT IN (SELECT data_key FROM users)
        ) k ON k.id = c.data_key
        WHERE c.id IS NULL OR e.resource_id IS NULL OR k.id IS NULL
    ";

    let halves = owner.run(halves, []).await.expect("the rows are read");
    assert_eq!(halves.len(), 0, "a change is incomplete");
}
