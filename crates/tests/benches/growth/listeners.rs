//! The cost of requests as replicas listen.

use std::time::Duration;

use sqlx::{Executor as _, postgres::PgListener};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{
    Rounds, WARM_UP,
    bulk::run,
    ended_sessions::{self, EndedSessions},
    installation::Installation,
    support::endpoint::Endpoint,
    table::Table,
};

/// Number of customers.
const ROWS: u64 = 100_000;

/// The kinds of requests, besides the end of a session.
const ENDPOINTS: [Endpoint; 4] = [
    Endpoint::Read,
    Endpoint::Page,
    Endpoint::Create,
    Endpoint::Login,
];

/// How often a replica reads the changes that it may have missed, and which: as in
/// `crates/principals/src/revocation.rs`.
const POLL: Duration = Duration::from_millis(500);
const RECENT: &str = r"
    SELECT id, kind || ':' || key AS announcement
    FROM mainstay.access_changes
    WHERE changed_at > clock_timestamp() - interval '30 seconds'
";

/// Measures with each of these numbers of replicas, of which one serves.
pub async fn measure(counts: &[u64], rounds: Rounds) {
    if counts.is_empty() {
        return;
    }

    let mut installation = Installation::start(ROWS).await;
    for endpoint in ENDPOINTS {
        installation.caller.load(endpoint, WARM_UP).await;
    }

    let (mut table, mut idle) = (Table::of("replicas"), Vec::new());
    let mut counts = counts.to_vec();
    for round in 0..rounds.count {
        counts.rotate_left(usize::from(round > 0));
        for count in &counts {
            let _replicas = listen(&installation, *count - 1).await;
            idle.push((
                *count,
                measure_one(&mut installation, *count, rounds, &mut table).await,
            ));
        }
    }

    table.print();
    print_idle(idle);
}

/// Measures all kinds of requests once. Returns the processor time of Postgres without requests.
async fn measure_one(
    installation: &mut Installation,
    count: u64,
    rounds: Rounds,
    table: &mut Table,
) -> f64 {
    forget_changes(installation).await;
    installation.caller.renew().await;
    let idle = installation.idle().await;

    for endpoint in ENDPOINTS {
        let load = installation.caller.load(endpoint, rounds.span);
        table.add(endpoint.name(), count, installation.figures(load).await);
    }

    // The logins have ended the caller's session.
    installation.caller.renew().await;
    forget_changes(installation).await;
    let sessions = EndedSessions::start(installation).await;
    let ending = installation.figures(sessions.end()).await;
    table.add(ended_sessions::NAME, count, ending);

    let sessions = EndedSessions::start(installation).await;
    let later = async {
        let measured = sessions.end().await;
        tokio::time::sleep(ended_sessions::REMEMBERED).await;
        measured
    };
    let whole = installation.figures(later).await.without(idle);
    table.add(ended_sessions::NAME_OF_WHOLE, count, whole);

    idle
}

/// Deletes the changes of the load before, which replicas would read again for half a minute.
async fn forget_changes(installation: &Installation) {
    run(
        &mut installation.owner().await,
        "DELETE FROM mainstay.access_changes",
    )
    .await;
}

/// Listens like this number of replicas, until the value is dropped. A replica has a connection for
/// revocations, on which it also polls, and one for jobs.
async fn listen(installation: &Installation, replicas: u64) -> JoinSet<()> {
    let mut listening = JoinSet::new();
    for _ in 0..replicas {
        for channel in ["access_changes", "jobs"] {
            let listener = PgListener::connect(&installation.database.server_url).await;
            let mut listener = listener.expect("Postgres accepts");
            listener.listen(channel).await.expect("it listens");
            listening.spawn(follow(listener, channel == "access_changes"));
        }
    }
    listening
}

async fn follow(mut listener: PgListener, polls: bool) {
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    loop {
        tokio::select! {
            heard = listener.recv() => {
                heard.expect("the connection lasts");
            }
            _ = ticks.tick(), if polls => {
                listener.fetch_all(RECENT).await.expect("the changes are read");
            }
        }
    }
}

fn print_idle(mut idle: Vec<(u64, f64)>) {
    idle.sort_unstable_by_key(|(count, _)| *count);
    println!("\n| replicas | Postgres' CPU without requests, ms/s |\n|--:|--:|");
    for (count, spent) in idle {
        println!("| {count} | {spent:.1} |");
    }
}
