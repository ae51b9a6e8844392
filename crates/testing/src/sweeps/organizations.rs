//! Sweep: rows of another organization.

use std::cmp::Reverse;

use http::Method;
use mainstay::Platform;

use super::{operations::Operation, sweep::Sweep};
use crate::{Call, Client, TestApp};

/// Checks that a row of one organization does not exist for another: each operation on a row
/// answers 404 to a stranger, no listing shows the row, and no body of theirs can refer to it
/// (OWASP ASVS 8.2.2, 8.4.1; API Security Top 10 2023, API1).
///
/// # Panics
/// When a stranger gets another answer, or when the row's own organization fails too, which would
/// prove nothing.
pub async fn organizations(platform: Platform) {
    let mut sweep = Sweep::start(TestApp::builder(platform)).await;
    let mut on_rows: Vec<_> = sweep
        .operations
        .iter()
        .filter(|it| on_a_row(it))
        .cloned()
        .collect();

    // Deletions come last, since the other operations need the row: sessions first, because other
    // deletions end them too, and nested rows before their parent.
    on_rows.sort_by_key(|it| {
        let is_not_session = !it.path.starts_with("/v1/sessions/");
        (
            it.method == Method::DELETE,
            erases(it),
            is_not_session,
            Reverse(it.path.split('/').count()),
        )
    });

    for operation in &on_rows {
        let path = sweep.path_to_a_row(operation).await;
        let stranger = sweep.app.stranger(operation.allowed_role()).await;
        sweep.rebase_contents().await;
        let call = valid_request(&sweep, operation, &stranger, &path);
        sweep
            .attack(operation, "by a stranger", call, &[(404, "not_found")])
            .await;
    }

    references(&mut sweep).await;
    listings(&mut sweep, &on_rows).await;

    for operation in &on_rows {
        let path = sweep.path_to_a_row(operation).await;
        let owner = sweep.actor(operation.allowed_role());
        let answer = valid_request(&sweep, operation, owner, &path).send().await;
        if !answer.status.is_success() {
            sweep.fail(format!(
                "{}: by its own organization: {}",
                operation.name(),
                answer.described()
            ));
        }

        if erases(operation) {
            sweep.forget_row(&path);
        }
    }

    if !on_rows.is_empty() {
        sweep.finish().await;
    }
}

/// Whether the operation erases its row, so that a later deletion needs another one.
fn erases(operation: &Operation) -> bool {
    operation.path.ends_with("/erasure")
}

fn on_a_row(operation: &Operation) -> bool {
    operation.path.contains('{') && !operation.is_public()
}

/// A stranger's body that refers to this organization's row is refused, and nothing is written.
async fn references(sweep: &mut Sweep) {
    let refers = |it: &&Operation| {
        let schema = it.body.as_ref().map(|(_, schema)| schema);
        let references = schema
            .into_iter()
            .flat_map(|schema| sweep.schemas.references(schema));
        !it.is_public()
            && !it.path.contains('{')
            && references.into_iter().any(|it| sweep.schemas.knows(&it))
    };

    let referring: Vec<_> = sweep.operations.iter().filter(refers).cloned().collect();
    for operation in &referring {
        let stranger = sweep.app.stranger(operation.allowed_role()).await;
        sweep.rebase_contents().await;
        let answer = valid_request(sweep, operation, &stranger, &operation.path)
            .send()
            .await;
        let name = format!("{}: with a stranger's reference", operation.name());
        sweep.check_shape(&name, &answer);
        if !answer.status.is_client_error() {
            sweep.fail(format!("{name}: {}", answer.described()));
        }
        sweep.check_nothing_written(&name).await;
    }
}

/// No listing shows this organization's rows to a stranger.
async fn listings(sweep: &mut Sweep, on_rows: &[Operation]) {
    let mut ids = Vec::new();
    for operation in on_rows {
        let path = sweep.path_to_a_row(operation).await;
        let segments = path.split('/').zip(operation.path.split('/'));
        ids.extend(
            segments
                .filter(|(_, name)| name.starts_with('{'))
                .map(|(id, _)| id.to_owned()),
        );
    }

    let without_row =
        |it: &Operation| it.method == Method::GET && !it.path.contains('{') && !it.is_public();
    for operation in sweep.operations.clone().iter().filter(|it| without_row(it)) {
        let stranger = sweep.app.stranger(operation.allowed_role()).await;
        let answer = stranger.get(&operation.path).await;
        sweep.check_shape(&operation.name(), &answer);
        if ids.iter().any(|id| answer.text().contains(id)) {
            sweep.fail(format!(
                "{}: the listing shows a row to a stranger: {}",
                operation.name(),
                answer.described()
            ));
        }
    }
}

/// A valid request, apart from its caller.
fn valid_request(sweep: &Sweep, operation: &Operation, client: &Client, path: &str) -> Call {
    let call = client.request(operation.method.clone(), path);
    match &operation.body {
        Some((_, schema)) => {
            let body = sweep.schemas.whole(schema).to_string();
            call.header("content-type", operation.content_type())
                .body(body)
        }
        None => call,
    }
}
