//! Sweep: methods that a path does not document.

use std::collections::BTreeMap;

use http::Method;
use mainstay::Platform;

use super::{operations::Operation, sweep::Sweep};
use crate::TestApp;

const TRIED: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
];

/// Checks that a path answers only the methods that it documents. Any other is a 405 that lists
/// them in `Allow`; an undocumented path is a 404 (RFC 9110 §15.5.6; OWASP ASVS 4.1.4, 13.4.4).
///
/// # Panics
/// When a path answers otherwise.
pub async fn methods(platform: Platform) {
    let mut sweep = Sweep::start(TestApp::builder(platform)).await;
    let mut paths: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
    for operation in sweep.operations.clone() {
        paths
            .entry(operation.path.clone())
            .or_default()
            .push(operation);
    }

    for operations in paths.values() {
        let Some(any) = operations.first() else {
            continue;
        };

        let allowed = allowed(operations);
        let path = sweep.path_to_a_row(any).await;

        for method in TRIED
            .into_iter()
            .filter(|method| !allowed.contains(&method.as_str()))
        {
            let name = format!("{method} {}", any.path);
            let answer = sweep.caller(any).request(method, &path).send().await;
            let (expected, allow) = (allowed.join(", "), answer.header("allow"));
            if answer.status != 405 || allow != expected {
                sweep.fail(format!(
                    "{name}: expected 405 with `Allow: {expected}`, got {allow:?}: {}",
                    answer.described()
                ));
            }
            sweep.check_shape(&name, &answer);
            sweep.check_nothing_written(&name).await;
        }

        let beside = format!("{path}/no/such/path");
        let answer = sweep.caller(any).get(&beside).await;
        if answer.status != 404 {
            sweep.fail(format!("an undocumented path: {}", answer.described()));
        }

        sweep.check_shape(&beside, &answer);
    }

    sweep.finish().await;
}

/// The methods of a path as `Allow` lists them: `GET` also answers `HEAD`.
fn allowed(operations: &[Operation]) -> Vec<&str> {
    let mut allowed: Vec<_> = operations
        .iter()
        .map(|operation| operation.method.as_str())
        .collect();
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    allowed.sort_unstable();
    allowed
}
