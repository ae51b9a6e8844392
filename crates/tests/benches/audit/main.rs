//! Measures the cost of auditing and sealing: `just bench-audit`. It prints figures and asserts
//! nothing, since they depend on the machine. The same rows are written and read in two ways
//! through the same pool, with one statement each: through the door, which seals seven fields and
//! writes the audit record, and in a plain table without records. HTTP, validation and sign-in cost
//! the same for both and are left out. The two sides alternate in short rounds, so that other load
//! on the machine affects both.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it prints to its user"
)]

mod people;
mod processor;
mod rounds;

use mainstay_testing::TestApp;
use people::People;
use processor::Processor;
use rounds::{Side, Sides, alternate};

/// Number of concurrent writers.
const WRITERS: usize = 8;

/// Number of rows that are read and updated: few enough to cache all their keys.
const ROWS: usize = 2_000;

#[tokio::main]
async fn main() {
    for (durable, what) in [
        (true, "commits on disk (fsync on)"),
        (false, "commits in memory (fsync off)"),
    ] {
        let builder = TestApp::builder(fixture::platform())
            .setting("database.pool_size", WRITERS.to_string());
        let app = if durable {
            builder.own_cluster()
        } else {
            builder
        }
        .start()
        .await;

        let people = People::new(&app, ROWS).await;
        let processor = Processor::of(&app).await;
        println!("\n# {what}, {WRITERS} writers at a time");
        println!(
            "{:26} {:>12} {:>12} {:>8}   processor time each, service + Postgres, µs",
            "", "plain/s", "door/s", "ratio"
        );

        report_writes(
            "create",
            &alternate(&processor, WRITERS, &people, Create).await,
        );
        report_writes(
            "update of four columns",
            &alternate(&processor, WRITERS, &people, Update).await,
        );

        if durable {
            println!("\n# reads, one at a time, keys in memory");
            println!(
                "{:26} {:>12} {:>12} {:>8}   processor time each, service + Postgres, µs",
                "", "plain p99", "door p99", "ratio"
            );
            report_reads("one row", &alternate(&processor, 1, &people, Read).await);
            report_reads(
                "a page of 50",
                &alternate(&processor, 1, &people, Page).await,
            );
        }
    }

    count_round_trips().await;
}

/// An operation to measure on both sides.
pub(crate) trait Work: Copy {
    async fn plain(self, people: &People, writer: usize, turn: usize);
    async fn door(self, people: &People, writer: usize, turn: usize);
}

#[derive(Clone, Copy)]
struct Create;

impl Work for Create {
    async fn plain(self, people: &People, _: usize, _: usize) {
        people.insert_plain().await;
    }

    async fn door(self, people: &People, _: usize, _: usize) {
        people.insert().await;
    }
}

#[derive(Clone, Copy)]
struct Update;

impl Work for Update {
    async fn plain(self, people: &People, writer: usize, turn: usize) {
        people.update_plain(own(writer, turn)).await;
    }

    async fn door(self, people: &People, writer: usize, turn: usize) {
        people.update(own(writer, turn)).await;
    }
}

/// A row that no other writer changes; otherwise the row lock would be measured.
fn own(writer: usize, turn: usize) -> usize {
    (turn * WRITERS + writer) % ROWS
}

#[derive(Clone, Copy)]
struct Read;

impl Work for Read {
    async fn plain(self, people: &People, _: usize, turn: usize) {
        people.get_plain(turn * 7 % ROWS).await;
    }

    async fn door(self, people: &People, _: usize, turn: usize) {
        people.get(turn * 7 % ROWS).await;
    }
}

#[derive(Clone, Copy)]
struct Page;

impl Work for Page {
    async fn plain(self, people: &People, _: usize, _: usize) {
        people.page_plain().await;
    }

    async fn door(self, people: &People, _: usize, _: usize) {
        people.page().await;
    }
}

fn report_writes(what: &str, Sides { plain, door }: &Sides) {
    let ratio = door.per_second() / plain.per_second();
    println!(
        "{what:26} {:12.0} {:12.0} {ratio:8.2}   {}",
        plain.per_second(),
        door.per_second(),
        costs(plain, door)
    );
}

fn report_reads(what: &str, Sides { plain, door }: &Sides) {
    let [slow_plain, slow_door] = [plain, door].map(|side| side.at(0.99).as_secs_f64() * 1e6);
    let ratio = slow_door / slow_plain;
    println!(
        "{what:26} {slow_plain:9.0} µs {slow_door:9.0} µs {ratio:8.2}   {}",
        costs(plain, door)
    );

    let [half_plain, half_door] = [plain, door].map(|side| side.at(0.5).as_secs_f64() * 1e6);
    let more = (door.service() - plain.service()) / 1e3;
    println!(
        "{:26} {half_plain:9.0} µs {half_door:9.0} µs {:8.2}   {more:.3} ms more of the service's",
        "  its median",
        half_door / half_plain
    );
}

fn costs(plain: &Side, door: &Side) -> String {
    let of = |side: &Side| format!("{:.0} + {:.0}", side.service(), side.postgres());
    format!("{} against {}", of(plain), of(door))
}

/// Counts round trips on one connection with prepared statements.
async fn count_round_trips() {
    let builder = TestApp::builder(fixture::platform())
        .counting_round_trips()
        .setting("database.pool_size", "1");
    let app = builder.start().await;
    let people = People::new(&app, 10).await;

    println!("\n# round trips");

    for (what, trips) in [
        (
            "create",
            [
                trips(&app, || people.insert_plain()).await,
                trips(&app, || people.insert()).await,
            ],
        ),
        (
            "update",
            [
                trips(&app, || people.update_plain(0)).await,
                trips(&app, || people.update(0)).await,
            ],
        ),
        (
            "one row",
            [
                trips(&app, || people.get_plain(0)).await,
                trips(&app, || people.get(0)).await,
            ],
        ),
        (
            "a page",
            [
                trips(&app, || people.page_plain()).await,
                trips(&app, || people.page()).await,
            ],
        ),
    ] {
        let [plain, door] = trips;
        println!("{what:26} {plain:12} {door:12}");
    }
}

async fn trips<F: Future<Output = ()>>(app: &TestApp, work: impl Fn() -> F) -> usize {
    let mut last = 0;
    for _ in 0..3 {
        let before = app.round_trips();
        work().await;
        last = app.round_trips() - before;
    }
    last
}
