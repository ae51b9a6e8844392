//! Sweep: rows of another organization, and of another person.

use std::cmp::Reverse;

use http::Method;
use mainstay::Platform;
use mainstay_database::Scope;

use super::{operations::Operation, sweep::Sweep};
use crate::{Call, Client, TestApp};

/// Checks that a row of one organization does not exist for another, nor a row of one person for
/// another: each operation on a row answers 404 to a stranger, no listing shows the row, and no body
/// of theirs can refer to it (OWASP ASVS 8.2.2, 8.4.1; API Security Top 10 2023, API1). For rows of
/// people, a colleague with the same role tries it, too. Rows of the platform are for everyone.
///
/// # Panics
/// When a stranger gets another answer, or when the row's own organization fails too, which would
/// prove nothing.
pub async fn organizations(platform: Platform) {
    let mut sweep = Sweep::start(TestApp::builder(platform)).await;
    let mut on_rows: Vec<_> = sweep
        .operations
        .iter()
        .filter(|it| on_a_row(it) && !sweep.is_on_the_platform(it))
        .cloned()
        .collect();

    on_rows.sort_by_key(turn);

    for operation in &on_rows {
        let path = sweep.path_to_a_row(operation).await;
        let stranger = sweep.app.stranger(operation.allowed_role()).await;
        let colleague = sweep.app.actor(operation.allowed_role()).await;
        sweep.rebase_contents().await;
        let call = valid_request(&sweep, operation, &stranger, &path);
        sweep
            .attack(operation, "by a stranger", call, &[(404, "not_found")])
            .await;

        if is_personal(&sweep, operation.rows.values()) {
            let call = valid_request(&sweep, operation, &colleague, &path);
            sweep
                .attack(operation, "by a colleague", call, &[(404, "not_found")])
                .await;
        }
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

/// When an operation has its turn. Deletions come last, since the other operations need the row:
/// sessions first, because other deletions end them too, and nested rows before their parent.
pub(super) fn turn(operation: &Operation) -> impl Ord + use<> {
    let is_not_session = !operation.path.starts_with("/v1/sessions/");
    (
        operation.method == Method::DELETE,
        erases(operation),
        is_not_session,
        Reverse(operation.path.split('/').count()),
    )
}

/// Whether the operation erases its row, so that a later deletion needs another one.
pub(super) fn erases(operation: &Operation) -> bool {
    operation.path.ends_with("/erasure")
}

pub(super) fn on_a_row(operation: &Operation) -> bool {
    operation.path.contains('{') && !operation.is_public()
}

/// Whether one of the resources is a person's own.
fn is_personal<'a>(sweep: &Sweep, mut resources: impl Iterator<Item = &'a String>) -> bool {
    resources.any(|resource| sweep.scope_of(resource) == Some(Scope::Person))
}

/// A stranger's body that refers to this organization's row is refused, and nothing is written; nor
/// is a colleague's that refers to a person's row.
async fn references(sweep: &mut Sweep) {
    for operation in sweep.operations.clone() {
        let schema = operation.body.as_ref().map(|(_, schema)| schema);
        let references = schema
            .into_iter()
            .flat_map(|schema| sweep.schemas.references(schema));
        let bounded: Vec<_> = references
            .filter(|it| sweep.schemas.knows(it) && sweep.scope_of(it) != Some(Scope::Platform))
            .collect();
        if bounded.is_empty() || operation.is_public() || operation.path.contains('{') {
            continue;
        }

        let stranger = sweep.app.stranger(operation.allowed_role()).await;
        let colleague = sweep.app.actor(operation.allowed_role()).await;
        refer(sweep, &operation, &stranger).await;
        if is_personal(sweep, bounded.iter()) {
            refer(sweep, &operation, &colleague).await;
        }
    }
}

async fn refer(sweep: &mut Sweep, operation: &Operation, other: &Client) {
    sweep.rebase_contents().await;
    let answer = valid_request(sweep, operation, other, &operation.path)
        .send()
        .await;

    let name = format!("{}: with a reference of another", operation.name());
    sweep.check_shape(&name, &answer);
    if !answer.status.is_client_error() {
        sweep.fail(format!("{name}: {}", answer.described()));
    }
    sweep.check_nothing_written(&name).await;
}

/// No listing shows this organization's rows to a stranger, nor a person's to a colleague.
async fn listings(sweep: &mut Sweep, on_rows: &[Operation]) {
    let (mut ids, mut personal) = (Vec::new(), Vec::new());
    for operation in on_rows {
        let path = sweep.path_to_a_row(operation).await;
        let segments = path.split('/').zip(operation.path.split('/'));
        let found: Vec<_> = segments
            .filter(|(_, name)| name.starts_with('{'))
            .map(|(id, _)| id.to_owned())
            .collect();

        if is_personal(sweep, operation.rows.values()) {
            personal.extend(found.iter().cloned());
        }
        ids.extend(found);
    }

    let without_row =
        |it: &Operation| it.method == Method::GET && !it.path.contains('{') && !it.is_public();
    for operation in sweep.operations.clone().iter().filter(|it| without_row(it)) {
        let stranger = sweep.app.stranger(operation.allowed_role()).await;
        let colleague = sweep.app.actor(operation.allowed_role()).await;
        for (other, hidden) in [(&stranger, &ids), (&colleague, &personal)] {
            let answer = other.get(&operation.path).await;
            sweep.check_shape(&operation.name(), &answer);
            if hidden.iter().any(|id| answer.text().contains(id)) {
                sweep.fail(format!(
                    "{}: the listing shows a row to another: {}",
                    operation.name(),
                    answer.described()
                ));
            }
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
