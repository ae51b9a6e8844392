//! Sweep: what each role may call.

use std::collections::BTreeMap;

use mainstay::Platform;
use mainstay_access::BuiltInRole;
use mainstay_http::{AccessRow, access_matrix, access_table};

use super::sweep::Sweep;
use crate::{Actor, TestApp};

/// Checks that each role gets 403 from the operations that its permissions do not allow, and from
/// no other, as in the access matrix (OWASP ASVS 8.2.1; API Security Top 10 2023, API5). Returns
/// the matrix as a table, for a snapshot.
///
/// # Panics
/// When an operation allows a role that the matrix does not list, or refuses one that it lists;
/// when an operation changes what others may do without a step-up (OWASP ASVS 7.5.3).
pub async fn permissions(platform: Platform) -> String {
    let table = access_table(platform.modules());
    let mut careless = access_matrix(platform.modules())
        .into_iter()
        .filter(AccessRow::is_administered_carelessly);
    if let Some(row) = careless.next() {
        panic!(
            "{} changes what others may do: make its policy `Fresh<Allowed<…>>` or `FreshOrScoped<…>`",
            row.operation
        );
    }

    let mut sweep = Sweep::start(TestApp::builder(platform)).await;
    let mut callers = BTreeMap::new();
    for operation in sweep.operations.clone() {
        let path = sweep.path_to_a_row(&operation).await;

        for role in BuiltInRole::ALL {
            if operation.access.allows(role) {
                let actor = caller(&sweep.app, role, callers.remove(&role)).await;
                let call = actor.request(
                    operation.method.clone(),
                    &to_missing_row(&path, &operation.path),
                );
                let answer = call
                    .header("content-type", "text/plain")
                    .body("x")
                    .send()
                    .await;

                let name = format!("{}: {}", operation.name(), role.name());
                if [401, 403].contains(&answer.status.as_u16()) {
                    sweep.fail(format!("{name}: is allowed, but got {}", answer.status));
                }

                sweep.check_shape(&name, &answer);
                sweep.rebase_contents().await;
                callers.insert(role, actor);
            } else {
                let call = sweep.actor(role).request(operation.method.clone(), &path);
                sweep
                    .attack(&operation, role.name(), call, &[(403, "forbidden")])
                    .await;
            }
        }
    }

    sweep.finish().await;

    table
}

/// Returns the earlier actor with the role, if still valid. Some operations change the calling
/// account or end its session; then it returns a new actor.
async fn caller(app: &TestApp, role: BuiltInRole, before: Option<Actor>) -> Actor {
    if let Some(actor) = before {
        let me = actor.get("/v1/me").await;
        if me.status == 200 && me.json()["role"] == role.name() {
            return actor;
        }
    }

    app.actor(role).await
}

/// The path with its ids replaced by one that does not exist, so that an allowed role deletes
/// nothing.
fn to_missing_row(path: &str, template: &str) -> String {
    const NO_ROW: &str = "018f3b6c-0000-7000-8000-000000000000";
    let segments = path.split('/').zip(template.split('/'));
    let segments = segments.map(|(id, segment)| if segment.starts_with('{') { NO_ROW } else { id });
    segments.collect::<Vec<_>>().join("/")
}
