//! The sweep over many rows finds what a careless colleague writes: a statement for each row, and a
//! filter on a column without an index.

use mainstay::prelude::*;
use mainstay_testing::sweeps::{self, Coverage};
use tokio::task::LocalSet;

const WHY: &str = "this test needs no feature of its own";

#[view]
struct Statuses {
    statuses: Vec<String>,
}

/// List the statuses of customers, with a statement for each.
#[get("/v1/statuses-one-by-one")]
async fn list_statuses_one_by_one(by: SignedIn) -> Result<Json<Statuses>, Problem> {
    const IDS: &str = "SELECT id FROM public.customers WHERE organization_id = $1";
    const STATUS: &str = "SELECT status FROM public.customers WHERE id = $1";

    let around = by.unlimited(WHY);
    let organization = by.principal().organization.map(OrganizationId::uuid);
    let ids: Vec<Uuid> = around.query("test.ids", IDS, [organization.into()]).await?;

    let mut statuses = Vec::new();
    for id in ids {
        let status: Vec<String> = around.query("test.status", STATUS, [id.into()]).await?;
        statuses.extend(status);
    }

    Ok(Json(Statuses { statuses }))
}

/// List the statuses of customers that were changed later than now. No index finds them.
#[get("/v1/statuses-of-tomorrow")]
async fn list_statuses_of_tomorrow(by: SignedIn) -> Result<Json<Statuses>, Problem> {
    const STATUSES: &str = "SELECT status FROM public.customers WHERE updated_at > now()";

    let statuses = by
        .unlimited(WHY)
        .query("test.statuses", STATUSES, [])
        .await?;

    Ok(Json(Statuses { statuses }))
}

/// Runs the sweep over the app's operations, and returns its failures.
async fn failures(module: Module) -> String {
    let sweep = sweeps::growth(fixture::platform().module(module), Coverage::App);
    let tasks = LocalSet::new();
    let running = tasks.spawn_local(sweep);
    let outcome = tasks.run_until(running).await;

    match outcome {
        Ok(()) => String::new(),
        Err(failed) => {
            let message = failed.into_panic().downcast::<String>();
            *message.unwrap()
        }
    }
}

#[tokio::test]
async fn a_statement_for_each_row_is_found() {
    let module = Module::new("statuses").endpoints((list_statuses_one_by_one,));
    let failures = failures(module).await;

    assert!(
        failures.contains("list_statuses_one_by_one (GET /v1/statuses-one-by-one): "),
        "{failures}"
    );
    assert!(
        failures.contains(" statements with one row, "),
        "{failures}"
    );
    assert!(
        failures.contains(": SELECT answer.* FROM ( WITH query AS MATERIALIZED ( SELECT status"),
        "{failures}"
    );
    assert!(failures.starts_with("1 failures"), "{failures}");
}

#[tokio::test]
async fn a_missing_index_is_found() {
    let module = Module::new("statuses").endpoints((list_statuses_of_tomorrow,));
    let failures = failures(module).await;

    assert!(
        failures.contains(
            "list_statuses_of_tomorrow (GET /v1/statuses-of-tomorrow): a Seq Scan reads all of public.customers: "
        ),
        "{failures}"
    );
    assert!(failures.starts_with("1 failures"), "{failures}");
}
