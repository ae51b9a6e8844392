//! The plans of statements on large tables.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    copies,
    requests::Request,
    statements::{Ran, in_short},
    tables::Tables,
};
use crate::{databases::Planner, sweeps::sweep::Sweep};

/// The statements of all requests.
#[derive(Default)]
pub(super) struct Plans {
    /// By text: the statement, and the names of the requests that send it.
    statements: BTreeMap<String, (Ran, BTreeSet<String>)>,
}

impl Plans {
    pub(super) fn add(&mut self, request: &Request, ran: BTreeMap<String, Ran>) {
        for (text, ran) in ran.into_iter().filter(|(_, ran)| has_plan(ran)) {
            let known = self.statements.entry(text);
            let (_, requests) = known.or_insert_with(|| (ran, BTreeSet::new()));
            requests.insert(request.name());
        }
    }

    /// Plans all statements: first to learn which tables they read, then with many rows in these.
    pub(super) async fn check(&self, sweep: &mut Sweep, tables: &mut Tables) {
        let mut planner = Planner::connect(&sweep.app.database_url()).await;

        let mut read = BTreeSet::new();
        for (_, plan) in self.explain(&mut planner).await {
            read_tables(&plan["Plan"], &mut read);
        }

        tables.fill(&read).await;
        let large = planner.large_tables(copies::ROWS / 2).await;

        for ((ran, requests), plan) in self.explain(&mut planner).await {
            let mut scans = Vec::new();
            whole_scans(&plan["Plan"], false, &mut scans);
            scans.retain(|scan| large.contains(&scan.table));

            for scan in scans {
                sweep.fail(format!(
                    "{}: a {} reads all of {}: {}",
                    requests.iter().cloned().collect::<Vec<_>>().join(", "),
                    scan.node,
                    scan.table,
                    in_short(&ran.statement)
                ));
            }
        }
    }

    async fn explain(&self, planner: &mut Planner) -> Vec<(&(Ran, BTreeSet<String>), Value)> {
        let mut plans = Vec::new();

        for known in self.statements.values() {
            let plan = planner.explain(&known.0.statement, &known.0.types).await;
            plans.push((known, plan));
        }

        plans
    }
}

/// A node of a plan that reads a table from end to end.
struct WholeScan {
    node: String,
    table: String,
}

fn has_plan(ran: &Ran) -> bool {
    let verb = ran.statement.split_whitespace().next().unwrap_or_default();
    ["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"].contains(&verb)
}

/// The tables that a plan reads, as `schema.name`.
fn read_tables(node: &Value, tables: &mut BTreeSet<String>) {
    if is_scan(node) {
        tables.extend(table_of(node));
    }

    for inner in children(node) {
        read_tables(inner, tables);
    }
}

/// The nodes that read a table or an index without a condition, and do not stop at a limit. A limit
/// stops a scan only if no filter leaves out most rows.
fn whole_scans(node: &Value, limited: bool, scans: &mut Vec<WholeScan>) {
    let kind = node["Node Type"].as_str().unwrap_or_default();
    let has_condition = ["Index Cond", "Recheck Cond", "TID Cond"]
        .iter()
        .any(|condition| node.get(*condition).is_some());
    let stops = limited && node.get("Filter").is_none();

    if is_scan(node) && !has_condition && !stops {
        scans.extend(table_of(node).map(|table| WholeScan {
            node: kind.to_owned(),
            table,
        }));
    }

    let limited = match kind {
        "Limit" => true,
        "Append" | "Merge Append" | "Nested Loop" | "Result" | "Subquery Scan" | "LockRows" => {
            limited
        }
        _ => false,
    };
    for inner in children(node) {
        whole_scans(inner, limited, scans);
    }
}

/// Whether the node reads rows of a table. A bitmap is read by the node above it, which repeats its
/// condition.
fn is_scan(node: &Value) -> bool {
    let kind = node["Node Type"].as_str().unwrap_or_default();
    kind.ends_with("Scan") && kind != "Bitmap Index Scan" && node.get("Relation Name").is_some()
}

fn table_of(node: &Value) -> Option<String> {
    Some(format!(
        "{}.{}",
        node["Schema"].as_str()?,
        node["Relation Name"].as_str()?
    ))
}

fn children(node: &Value) -> impl Iterator<Item = &Value> {
    node["Plans"].as_array().into_iter().flatten()
}
