//! Sweep: what an operation costs when there are many rows.

mod copies;
mod many_platform_rows;
mod plans;
mod requests;
mod rows;
mod statements;
mod tables;

use std::collections::BTreeMap;

use mainstay::Platform;

use self::{
    plans::Plans,
    requests::Request,
    statements::{Ran, Statements, in_short},
    tables::Tables,
};
use super::{coverage::Coverage, organizations::erases, sweep::Sweep};
use crate::{Answer, TestApp};

/// How often a request is repeated before its growth is reported, because a statement of the
/// background may have been counted with it.
const TRIES: usize = 3;

/// Checks that each operation sends as many statements with 100 rows in each collection as with one
/// (no N+1), and that none of its statements reads a table of 100,000 rows from end to end (no
/// missing index).
///
/// A POST creates the rows of a collection, up to its limit; where none does, they are copied in the
/// database. The 100,000 rows are copies, too, in all tables that the statements read, spread over
/// 1,000 organizations and accounts. Each statement is only planned on them, with a plan for any
/// values of its parameters.
///
/// A table is large if requests of the sweep added rows to it, or if its rows belong to an
/// organization or a person. All others stay small: the code or an operator writes them. Statements
/// inside functions and triggers of the database are neither counted nor planned.
///
/// # Panics
/// When the number of statements grows, or a plan reads a large table from end to end.
pub async fn growth(platform: Platform, coverage: Coverage) {
    // All statements of requests run on one connection, which counts them.
    let builder = TestApp::builder(platform)
        .setting("database.pool_size", "1")
        .setting("jobs.in_process", "false");
    let app = builder.start().await;

    let mut tables = Tables::of(&app).await;
    let statements = Statements::of(&app);
    let mut sweep = Sweep::of(app).await;

    let operations = sweep.operations_in(coverage);
    let requests = requests::of(&sweep, &operations);

    // One row in each collection.
    for operation in &operations {
        sweep.path_to_a_row(operation).await;
    }

    let mut with_one = Vec::new();
    for request in &requests {
        with_one.push(run(&mut sweep, &statements, request).await);
    }

    sweep.fill(&mut tables.owner, &operations).await;

    let mut plans = Plans::default();
    for (request, before) in requests.iter().zip(&with_one) {
        let after = run_with_many(&mut sweep, &statements, request, before).await;
        check(&mut sweep, request, before, &after);
        plans.add(request, after.ran);
    }

    plans.check(&mut sweep, &mut tables).await;
    sweep.finish().await;
}

/// A response, and the statements of its request by their text.
struct Outcome {
    answer: Answer,
    ran: BTreeMap<String, Ran>,
}

impl Outcome {
    fn count(&self) -> i64 {
        self.ran.values().map(|it| it.times).sum()
    }

    fn count_of(&self, text: &str) -> i64 {
        self.ran.get(text).map_or(0, |it| it.times)
    }
}

/// Sends a request, and counts its statements.
async fn run(sweep: &mut Sweep, statements: &Statements, request: &Request) -> Outcome {
    let path = sweep.path_to_a_row(&request.operation).await;
    let call = request.call(sweep, &path).await;

    let before = statements.read().await;
    let answer = call.send().await;
    let ran = statements.since(&before).await;

    sweep.check_shape(&request.name(), &answer);
    if answer.status.is_success() && (request.deletes() || erases(&request.operation)) {
        sweep.forget_row(&path);
    }

    Outcome { answer, ran }
}

/// The same, and repeats a request that sent more statements than `before`.
async fn run_with_many(
    sweep: &mut Sweep,
    statements: &Statements,
    request: &Request,
    before: &Outcome,
) -> Outcome {
    let mut least = run(sweep, statements, request).await;

    for _ in 1..TRIES {
        if least.count() <= before.count() {
            break;
        }

        let again = run(sweep, statements, request).await;
        if again.answer.status == least.answer.status && again.count() < least.count() {
            least = again;
        }
    }

    least
}

fn check(sweep: &mut Sweep, request: &Request, before: &Outcome, after: &Outcome) {
    if request.reads() && !after.answer.status.is_success() {
        sweep.fail(format!(
            "{}: with many rows: {}",
            request.name(),
            after.answer.described()
        ));
    }

    if after.count() <= before.count() || after.answer.status != before.answer.status {
        return;
    }

    let grown = after
        .ran
        .keys()
        .map(|text| (text, before.count_of(text), after.count_of(text)))
        .filter(|(_, before, after)| after > before)
        .map(|(text, before, after)| format!("\n    {before} → {after}: {}", in_short(text)));

    sweep.fail(format!(
        "{}: {} statements with one row, {} with many:{}",
        request.name(),
        before.count(),
        after.count(),
        grown.collect::<String>()
    ));
}
