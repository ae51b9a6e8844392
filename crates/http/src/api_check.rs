//! The start-up check of declarations.

use std::{
    any::TypeId,
    collections::{BTreeMap, HashSet},
    fmt,
};

use http::Method;

use crate::{Declaration, Module, schemas::Schemas};

/// The platform's own paths, as patterns of the router.
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
    let shared: Vec<_> = modules.iter().flat_map(Module::shared_types).collect();
    let mut check = Check {
        shared,
        ..Check::default()
    };

    check.shared_types();
    for declaration in modules.iter().flat_map(Module::declarations) {
        check.route(declaration);
        check.arguments(declaration);
    }

    if check.wrong.is_empty() {
        Ok(())
    } else {
        Err(ApiError(check.wrong))
    }
}

/// The state of the start-up check.
#[derive(Default)]
struct Check {
    shared: Vec<TypeId>,
    routes: HashSet<(Method, String)>,
    operations: HashSet<&'static str>,
    /// The first path of each pattern.
    paths: BTreeMap<String, &'static str>,
    wrong: Vec<String>,
}

impl Check {
    fn shared_types(&mut self) {
        let distinct: HashSet<_> = self.shared.iter().collect();
        if distinct.len() < self.shared.len() {
            self.wrong.push(
                "two shared values have the same type: endpoints could not distinguish them"
                    .to_owned(),
            );
        }
    }

    /// Checks that the path, the method and the name of an endpoint conflict with no other.
    fn route(&mut self, declaration: &Declaration) {
        let Declaration {
            method,
            path,
            operation,
            ..
        } = declaration;
        let pattern = pattern(path);

        if PATHS.iter().any(|page| self::pattern(page) == pattern) {
            self.wrong
                .push(format!("{operation}: {path} belongs to the platform"));
        }
        if !self.routes.insert((method.clone(), pattern.clone())) {
            self.wrong
                .push(format!("{operation}: {method} {path} is declared twice"));
        }
        if !self.operations.insert(operation) {
            self.wrong
                .push(format!("{operation}: two functions have this name"));
        }
        if let Some(other) = self
            .paths
            .insert(pattern, path)
            .filter(|other| other != path)
        {
            self.wrong.push(format!(
                "{operation}: {path} and {other} name the same parameter differently"
            ));
        }
    }

    /// Checks that the arguments of the function match its path and the values that modules share.
    fn arguments(&mut self, declaration: &Declaration) {
        let Declaration {
            path,
            operation,
            path_parameters,
            ..
        } = declaration;
        let mut schemas = Schemas::new();
        let described = declaration.operation(&mut schemas);

        for (id, name) in &described.shared {
            if !self.shared.contains(id) {
                self.wrong.push(format!(
                    "{operation}: it takes Shared<{name}>, which no module shares: see Module::share"
                ));
            }
        }

        let (named, taken) = (path_parameters.len(), described.taken_from_path());
        if taken != named {
            self.wrong.push(format!(
                "{operation}: {path} has {named} parameters, but the function takes {taken}"
            ));
        }
    }
}

/// A path without the names of its parameters. To the router, two paths with the same pattern are
/// equal.
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
