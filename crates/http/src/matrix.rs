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
    /// The function.
    pub operation: &'static str,
    /// What must be true of a caller.
    pub requirement: Requirement,
}

impl AccessRow {
    /// Whether a caller with a built-in role may, as the code declares it.
    pub fn allows(&self, role: BuiltInRole) -> bool {
        match self.requirement {
            Requirement::Public | Requirement::SignedIn => true,
            Requirement::Permission(permission) => permission.granted_to.contains(&role),
        }
    }
}

/// Which built-in role may call which operation, by path and method.
pub fn access_matrix(modules: &[Module]) -> Vec<AccessRow> {
    let mut rows: Vec<_> = modules
        .iter()
        .flat_map(Module::declarations)
        .map(|declaration| AccessRow {
            method: declaration.method.to_string(),
            path: declaration.path,
            operation: declaration.operation,
            requirement: declaration.operation(&mut Schemas::new()).requirement,
        })
        .collect();
    rows.sort_by(|one, other| (one.path, &one.method).cmp(&(other.path, &other.method)));
    rows
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::SignedIn => "signed in",
            Self::Permission(permission) => permission.name,
        })
    }
}
