use std::process::ExitCode;

use mainstay_access::BuiltInRole;
use mainstay_http::access_matrix;

use super::say;
use crate::Platform;

pub(super) fn run(platform: &Platform) -> anyhow::Result<ExitCode> {
    platform.api()?;
    say(&matrix(platform));
    Ok(ExitCode::SUCCESS)
}

/// The access matrix as a table: one line an operation, one column a role.
fn matrix(platform: &Platform) -> String {
    let rows = access_matrix(platform.modules());
    let longest = |of: fn(&mainstay_http::AccessRow) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (path, operation) = (longest(|row| row.path.len()), longest(|row| row.operation.len()));
    let needs = longest(|row| row.requirement.to_string().len());
    let roles: Vec<_> = BuiltInRole::ALL.iter().map(|role| role.name()).collect();
    let header = format!(
        "{:6}  {:path$}  {:operation$}  {:needs$}  {}",
        "METHOD",
        "PATH",
        "OPERATION",
        "NEEDS",
        roles.join("  ")
    );
    let lines = rows.iter().map(|row| {
        let marks: Vec<_> = BuiltInRole::ALL
            .iter()
            .map(|role| format!("{:width$}", if row.allows(*role) { "yes" } else { "-" }, width = role.name().len()))
            .collect();
        let requirement = row.requirement.to_string();
        let line = format!(
            "{:6}  {:path$}  {:operation$}  {requirement:needs$}  {}",
            row.method,
            row.path,
            row.operation,
            marks.join("  ")
        );
        line.trim_end().to_owned()
    });
    std::iter::once(header).chain(lines).collect::<Vec<_>>().join("\n")
}
