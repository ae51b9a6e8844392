//! Processor time and memory of a process and its descendants: proc(5).

use std::{collections::HashMap, fs};

/// Ticks of processor time per second on Linux (`USER_HZ`).
const TICKS: f64 = 100.0;

/// Processor time of a process tree so far, in seconds, with the children of its root that have
/// ended.
pub fn processor_time(root: u32) -> f64 {
    let of = |pid: u32| {
        let fields = stat(pid);
        let own = ticks(&fields, 11) + ticks(&fields, 12);
        let ended = if pid == root {
            ticks(&fields, 13) + ticks(&fields, 14)
        } else {
            0.0
        };
        own + ended
    };
    tree(root).into_iter().map(of).sum::<f64>() / TICKS
}

/// Memory of a process, in MiB. A page that several processes share counts in equal parts (PSS).
pub fn memory(pid: u32) -> f64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let kilobytes = rollup.lines().find_map(|line| {
        line.strip_prefix("Pss:")?
            .split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
    });
    kilobytes.unwrap_or_default() / 1024.0
}

fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if let Some(parent) = stat(pid).get(1).and_then(|parent| parent.parse().ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }

    let (mut found, mut next) = (Vec::new(), vec![root]);
    while let Some(pid) = next.pop() {
        found.push(pid);
        next.extend(children.remove(&pid).into_iter().flatten());
    }
    found
}

/// The fields after the name, which is in parentheses and may contain spaces.
fn stat(pid: u32) -> Vec<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().map(str::to_owned).collect()
}

fn ticks(fields: &[String], position: usize) -> f64 {
    fields
        .get(position)
        .and_then(|field| field.parse().ok())
        .unwrap_or_default()
}
