//! The start-up check of declarations: what contradicts another, or itself.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
};

use crate::{Declaration, Module, schemas::Schemas};

/// The paths of what the platform serves beside the endpoints.
pub(crate) const PATHS: [&str; 6] = [
    "/livez",
    "/readyz",
    "/openapi.json",
    "/docs",
    "/docs/{file}",
    "/look/{file}",
];

/// All errors that the start-up check found in the declarations.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiError(pub Vec<String>);

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the declarations of the endpoints are inconsistent:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for ApiError {}

/// Checks the declarations for conflicts.
pub(crate) fn check(modules: &[Module]) -> Result<(), ApiError> {
    let mut wrong = Vec::new();
    let (mut routes, mut operations, mut patterns) =
        (HashSet::new(), HashSet::new(), BTreeMap::new());
    let shared: Vec<_> = modules.iter().flat_map(Module::shared_types).collect();
    if shared.iter().collect::<HashSet<_>>().len() < shared.len() {
        wrong.push(
            "two shared values have the same type: endpoints could not distinguish them".to_owned(),
        );
    }

    for declaration in modules.iter().flat_map(Module::declarations) {
        let Declaration {
            method,
            path,
            operation,
            path_parameters,
            ..
        } = declaration;

        let pattern = pattern(path);
        if PATHS.iter().any(|page| self::pattern(page) == pattern) {
            wrong.push(format!("{operation}: {path} belongs to the platform"));
        }

        if !routes.insert((method.clone(), pattern.clone())) {
            wrong.push(format!("{operation}: {method} {path} is declared twice"));
        }

        if !operations.insert(*operation) {
            wrong.push(format!("{operation}: two functions have this name"));
        }

        if let Some(other) = patterns
            .insert(pattern, *path)
            .filter(|other| other != path)
        {
            wrong.push(format!(
                "{operation}: {path} and {other} name the same parameter differently"
            ));
        }

        let mut schemas = Schemas::new();
        let described = declaration.operation(&mut schemas);
        for (id, name) in &described.shared {
            if !shared.contains(id) {
                wrong.push(format!(
                    "{operation}: it takes Shared<{name}>, which no module shares: see Module::share"
                ));
            }
        }

        let taken = described.taken_from_path();
        if taken != path_parameters.len() {
            let named = path_parameters.len();
            wrong.push(format!(
                "{operation}: {path} has {named} parameters, but the function takes {taken}"
            ));
        }
    }

    if wrong.is_empty() {
        Ok(())
    } else {
        Err(ApiError(wrong))
    }
}

/// A path without the names of its parameters. To the router, two paths with the same pattern are equal.
pub(crate) fn pattern(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "{}"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}
