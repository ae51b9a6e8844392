//! The cost of requests as rows grow.

use crate::{
    Rounds, WARM_UP, installation::Installation, support::endpoint::Endpoint, table::Table,
};

/// The kinds of requests. Creates add rows, and an account has a hundred sessions at most, so that
/// logins end the caller's.
const ENDPOINTS: [Endpoint; 4] = [
    Endpoint::Read,
    Endpoint::Page,
    Endpoint::Create,
    Endpoint::Login,
];

/// Measures with each of these numbers of customers.
pub async fn measure(sizes: &[u64], rounds: Rounds) {
    let mut installations = Vec::new();
    for rows in sizes {
        installations.push(Installation::start(*rows).await);
    }

    let mut table = Table::of("rows");
    for endpoint in ENDPOINTS {
        for installation in &installations {
            installation.caller.load(endpoint, WARM_UP).await;
        }
        for round in 0..rounds.count {
            installations.rotate_left(usize::from(round > 0));
            for installation in &installations {
                let load = installation.caller.load(endpoint, rounds.span);
                let figures = installation.figures(load).await;
                table.add(endpoint.name(), installation.rows, figures);
            }
        }
    }

    table.print();
    print_sizes(&mut installations).await;
}

/// Prints the sizes of the databases, and what Postgres does there without requests.
async fn print_sizes(installations: &mut [Installation]) {
    if installations.is_empty() {
        return;
    }

    installations.sort_unstable_by_key(|installation| installation.rows);
    println!(
        "\n| rows | at the end | audit records | accounts | database | Postgres' CPU without requests, ms/s |\n\
         |--:|--:|--:|--:|--:|--:|"
    );
    for installation in installations {
        let idle = installation.idle().await;
        let counted = installation.counted().await;
        println!("| {} | {counted} | {idle:.1} |", installation.rows);
    }
}
