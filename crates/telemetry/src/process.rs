//! Metrics of this process from `/proc` (`proc(5)`), with the names that Prometheus clients use.
//! Without `/proc`, nothing is reported.

use std::fs;

use metrics::{counter, gauge};

/// Ticks per second in `/proc`: `USER_HZ`, which is 100 on all platforms of Linux.
const TICKS: f64 = 100.0;

/// Sets the gauges of the process.
pub(crate) fn measure() {
    if let Some(Stat {
        cpu_seconds,
        started_after_boot,
    }) = read("/proc/self/stat").as_deref().and_then(Stat::parse)
    {
        counter!("process_cpu_seconds_total").absolute(cpu_seconds as u64);
        if let Some(boot) = read("/proc/stat")
            .as_deref()
            .and_then(|text| field(text, "btime"))
        {
            gauge!("process_start_time_seconds").set(boot + started_after_boot);
        }
    }

    if let Some(kilobytes) = read("/proc/self/status")
        .as_deref()
        .and_then(|text| field(text, "VmRSS:"))
    {
        gauge!("process_resident_memory_bytes").set(kilobytes * 1_024.0);
    }

    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        // Excludes the descriptor that reads the directory.
        gauge!("process_open_fds").set(open.count().saturating_sub(1) as f64);
    }

    if let Some(most) = read("/proc/self/limits")
        .as_deref()
        .and_then(|text| field(text, "Max open files"))
    {
        gauge!("process_max_fds").set(most);
    }
}

/// Values of `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_seconds: f64,
    started_after_boot: f64,
}

impl Stat {
    /// Parses the line. The program's name may contain spaces and parentheses, so fields are
    /// counted after the last parenthesis.
    fn parse(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;

        // The field after the name is number 3.
        let ticks = |number: usize| {
            fields
                .split_whitespace()
                .nth(number - 3)?
                .parse::<f64>()
                .ok()
        };

        let (user, system, started) = (ticks(14)?, ticks(15)?, ticks(22)?);

        Some(Self {
            cpu_seconds: (user + system) / TICKS,
            started_after_boot: started / TICKS,
        })
    }
}

/// Returns the first number of the line that starts with `name`.
fn field(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_is_skipped() {
        let text = "7 (a (b) c) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 9 0 12345 99 88";
        assert_eq!(
            Stat::parse(text),
            Some(Stat {
                cpu_seconds: 3.0,
                started_after_boot: 123.45
            })
        );
        assert_eq!(Stat::parse("7 (a) S 1"), None);
    }

    #[test]
    fn numbers_are_found_by_the_start_of_their_line() {
        let text = "Name:\tapp\nVmRSS:\t   20480 kB\nMax open files            1024                 4096     files\n";
        assert_eq!(
            (field(text, "VmRSS:"), field(text, "Max open files")),
            (Some(20_480.0), Some(1_024.0))
        );
        assert_eq!((field(text, "Name:"), field(text, "VmSwap:")), (None, None));
    }
}
