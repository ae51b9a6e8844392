//! The access matrix: which built-in role may call which operation.

use std::fmt;

use mainstay_access::BuiltInRole;

use crate::{Module, Requirement, schemas::Schemas};

/// One line of the access matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRow {
    /// The method.
    pub method: String,
    /// The path.
    pub path: &'static str,
    /// The name of the function.
    pub operation: &'static str,
    /// What it requires of the caller.
    pub requirement: Requirement,
    /// Whether it requires a recent re-authentication.
    pub fresh: bool,
    /// Whether a machine with the permission among its scopes may call it too.
    pub scoped_machines: bool,
}

impl AccessRow {
    /// The requirement in words.
    fn needs(&self) -> String {
        match (self.fresh, self.scoped_machines) {
            (false, _) => self.requirement.to_string(),
            (true, false) => format!("{}, fresh", self.requirement),
            (true, true) => format!("{}, fresh or scoped", self.requirement),
        }
    }

    /// Whether it changes the rights of others without requiring re-authentication or an explicit
    /// scope: a mistake in the declaration (OWASP ASVS 7.5.3).
    pub fn is_administered_carelessly(&self) -> bool {
        let reads = ["GET", "HEAD"].contains(&self.method.as_str());
        let administrative = matches!(
            self.requirement,
            Requirement::Permission(permission) if permission.administrative
        );
        administrative && !reads && !self.fresh
    }

    /// Whether a built-in role, as declared in code, may call it.
    pub fn allows(&self, role: BuiltInRole) -> bool {
        match self.requirement {
            Requirement::Public | Requirement::SignedIn | Requirement::InPerson => true,
            Requirement::Permission(permission) => permission.granted_to.contains(&role),
        }
    }
}

/// Lists which built-in roles may call which operation, sorted by path and method.
pub fn access_matrix(modules: &[Module]) -> Vec<AccessRow> {
    let mut rows: Vec<_> = modules
        .iter()
        .flat_map(Module::declarations)
        .map(|declaration| {
            let mut schemas = Schemas::new();
            let operation = declaration.operation(&mut schemas);
            AccessRow {
                method: declaration.method.to_string(),
                path: declaration.path,
                operation: declaration.operation,
                requirement: operation.requirement,
                fresh: operation.fresh,
                scoped_machines: operation.scoped_machines,
            }
        })
        .collect();

    rows.sort_by(|one, other| (one.path, &one.method).cmp(&(other.path, &other.method)));

    rows
}

/// Renders the access matrix as a table: a line for each operation, a column for each built-in
/// role.
pub fn access_table(modules: &[Module]) -> String {
    let rows = access_matrix(modules);
    let longest = |of: fn(&AccessRow) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let (path, operation) = (
        longest(|row| row.path.len()),
        longest(|row| row.operation.len()),
    );
    let needs = longest(|row| row.needs().len());

    let line = |row: [&str; 4], marks: Vec<String>| {
        let [method, its_path, its_operation, its_needs] = row;
        let marks = marks.join("  ");
        let line = format!(
            "{method:6}  {its_path:path$}  {its_operation:operation$}  {its_needs:needs$}  {marks}"
        );
        line.trim_end().to_owned() + "\n"
    };

    let names = BuiltInRole::ALL
        .iter()
        .map(|role| role.name().to_owned())
        .collect();
    let header = line(["METHOD", "PATH", "OPERATION", "NEEDS"], names);

    let lines = rows.iter().map(|row| {
        let marks = BuiltInRole::ALL.iter().map(|role| {
            let mark = if row.allows(*role) { "yes" } else { "-" };
            format!("{mark:width$}", width = role.name().len())
        });
        line(
            [&row.method, row.path, row.operation, &row.needs()],
            marks.collect(),
        )
    });

    std::iter::once(header).chain(lines).collect()
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::SignedIn => "signed in",
            Self::InPerson => "in person",
            Self::Permission(permission) => permission.name,
        })
    }
}

#[cfg(test)]
mod tests {
    use mainstay_access::Permission;

    use super::*;

    mainstay_access::permission! {
        /// Share ducks.
        DucksShare = "ducks.share", for [Owner], administrative;
        /// Feed ducks.
        DucksFeed = "ducks.feed", for [Owner];
    }

    #[test]
    fn an_administrative_change_without_a_step_up_is_reported() {
        let row = |method: &str, requirement, fresh| AccessRow {
            method: method.to_owned(),
            path: "/v1/ducks",
            operation: "ducks",
            requirement,
            fresh,
            scoped_machines: false,
        };

        let share = Requirement::Permission(DucksShare::DECLARED);
        assert!(row("PATCH", share, false).is_administered_carelessly());
        assert!(!row("PATCH", share, true).is_administered_carelessly());
        assert!(!row("GET", share, false).is_administered_carelessly());
        assert!(
            !row("PATCH", Requirement::Permission(DucksFeed::DECLARED), false)
                .is_administered_carelessly()
        );
    }
}
