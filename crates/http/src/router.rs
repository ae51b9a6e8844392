use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
};

use axum::{Router, extract::Request as HttpRequest, routing::any};
use bytes::Bytes;
use http::Method;

use crate::{
    App, Declaration, Info, Kind, Module, Operation, Page, Requirement, asset::Representations,
    bodies::BodyLimit, edge, pages, schemas::Schemas,
};

/// The endpoints and pages of a service, after the start-up check, with the API document.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    resources: BTreeMap<&'static str, Arc<Resource>>,
    document: serde_json::Value,
    file: Arc<Representations>,
    pages: Vec<Page>,
}

/// A path and its methods.
pub(crate) struct Resource {
    pub(crate) path: &'static str,
    pub(crate) endpoints: Vec<Mounted>,
}

/// An endpoint in the router.
pub(crate) struct Mounted {
    pub(crate) declaration: Declaration,
    /// The problems that it may return; any other becomes an internal error.
    pub(crate) problems: Vec<Kind>,
    /// Whether its problems have the members of OAuth 2.
    pub(crate) speaks_oauth: bool,
    /// Whether it takes a body.
    pub(crate) takes_body: bool,
    is_public: bool,
    body_limit: Option<usize>,
}

impl Mounted {
    /// The limit of its body, in a service that accepts bodies of up to `most` bytes.
    pub(crate) fn body_limit(&self, most: usize) -> BodyLimit {
        BodyLimit {
            bytes: self.body_limit.map_or(most, |limit| limit.min(most)),
            is_public: self.is_public,
        }
    }
}

/// All errors that the start-up check found in the declarations.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong(pub Vec<String>);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the declarations of the endpoints are inconsistent:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for Wrong {}

impl Api {
    /// Mounts the endpoints of `modules`.
    ///
    /// # Errors
    /// [`Wrong`] if declarations conflict with each other, or one is inconsistent.
    pub fn new(info: &Info, modules: &[Module]) -> Result<Self, Wrong> {
        check(modules)?;

        let mut resources: BTreeMap<&'static str, Resource> = BTreeMap::new();
        for declaration in modules.iter().flat_map(Module::declarations) {
            let mut schemas = Schemas::new();
            let Operation {
                problems,
                speaks_oauth,
                requirement,
                body,
                body_limit,
                ..
            } = declaration.operation(&mut schemas);

            let (takes_body, is_public) = (body.is_some(), requirement == Requirement::Public);
            let declaration = declaration.clone();
            resources
                .entry(declaration.path)
                .or_insert_with(|| Resource {
                    path: declaration.path,
                    endpoints: Vec::new(),
                })
                .endpoints
                .push(Mounted {
                    declaration,
                    problems,
                    speaks_oauth,
                    takes_body,
                    is_public,
                    body_limit,
                });
        }

        let document = crate::document(info, modules);
        let file = Arc::new(Representations::new(
            "application/json",
            Bytes::from(document.to_string()),
        ));
        let resources = resources
            .into_iter()
            .map(|(path, resource)| (path, Arc::new(resource)))
            .collect();

        let api = Self(Arc::new(Inner {
            resources,
            document,
            file,
            pages: Vec::new(),
        }));

        api.with_pages(modules.iter().flat_map(Module::added_pages).cloned())
    }

    /// Mounts pages.
    ///
    /// # Errors
    /// [`Wrong`] if an endpoint or another page has the same path.
    pub fn with_pages(self, pages: impl IntoIterator<Item = Page>) -> Result<Self, Wrong> {
        let mut inner = Arc::unwrap_or_clone(self.0);
        let mut taken: HashSet<String> = inner.resources.keys().map(|path| pattern(path)).collect();
        taken.extend(
            pages::PATHS
                .iter()
                .copied()
                .chain(inner.pages.iter().map(Page::path))
                .map(pattern),
        );

        let mut wrong = Vec::new();
        for page in pages {
            let path = page.path();
            if !path.starts_with('/') || path.contains(['{', '}', '*']) {
                wrong.push(format!(
                    "the page {path} must have a path without parameters"
                ));
            } else if taken.insert(pattern(path)) {
                inner.pages.push(page);
            } else {
                wrong.push(format!("the page {path} has a path that is already taken"));
            }
        }

        if wrong.is_empty() {
            Ok(Self(Arc::new(inner)))
        } else {
            Err(Wrong(wrong))
        }
    }

    /// Mounts the pages whose paths are not taken, and skips the others.
    ///
    /// # Errors
    /// [`Wrong`] if a path has parameters.
    pub fn with_pages_unless_taken(
        self,
        pages: impl IntoIterator<Item = Page>,
    ) -> Result<Self, Wrong> {
        let taken: HashSet<_> = self
            .0
            .resources
            .keys()
            .copied()
            .chain(self.0.pages.iter().map(Page::path))
            .collect();

        let free: Vec<_> = pages
            .into_iter()
            .filter(|page| !taken.contains(page.path()))
            .collect();

        self.with_pages(free)
    }

    /// The OpenAPI document.
    pub fn document(&self) -> &serde_json::Value {
        &self.0.document
    }

    /// The number of operations.
    pub fn operations(&self) -> usize {
        self.0
            .resources
            .values()
            .map(|resource| resource.endpoints.len())
            .sum()
    }

    /// The serialized document.
    pub(crate) fn document_file(&self) -> &Representations {
        &self.0.file
    }

    /// Creates the router. It is not public, so no other router can be merged into it.
    pub(crate) fn router(&self, app: &App) -> Router {
        let mut router = Router::new();
        for (path, resource) in &self.0.resources {
            let (app, resource) = (app.clone(), resource.clone());
            router = router.route(
                path,
                any(move |request: HttpRequest| edge::endpoint(app, resource, request)),
            );
        }

        for path in pages::PATHS {
            let (app, api) = (app.clone(), self.clone());
            router = router.route(
                path,
                any(move |request: HttpRequest| edge::page(app, api, path, request)),
            );
        }

        for page in &self.0.pages {
            let (app, page) = (app.clone(), page.clone());
            router = router.route(
                page.path(),
                any(move |request: HttpRequest| edge::added_page(app, page, request)),
            );
        }

        let app = app.clone();
        router.fallback(move |request: HttpRequest| edge::unknown(app, request))
    }
}

impl Resource {
    pub(crate) fn endpoint(&self, method: &Method) -> Option<&Mounted> {
        // HEAD is handled as GET, and the server omits the body (RFC 9110 §9.3.2).
        let wanted = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };

        self.endpoints
            .iter()
            .find(|endpoint| endpoint.declaration.method == *wanted)
    }

    /// Whether its callers are OAuth clients.
    pub(crate) fn speaks_oauth(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.speaks_oauth)
    }

    /// The value of `Allow`.
    pub(crate) fn methods(&self) -> String {
        let mut methods: Vec<&str> = self
            .endpoints
            .iter()
            .map(|it| it.declaration.method.as_str())
            .collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }

        methods.sort_unstable();
        methods.join(", ")
    }
}

/// Checks the declarations for conflicts.
fn check(modules: &[Module]) -> Result<(), Wrong> {
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
        if pages::PATHS
            .iter()
            .any(|page| self::pattern(page) == pattern)
        {
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
        Err(Wrong(wrong))
    }
}

/// A path without the names of its parameters. To the router, two paths with the same pattern are equal.
fn pattern(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "{}"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_whose_path_is_taken_is_refused() {
        let info = Info {
            title: "Test",
            version: "1",
            description: "",
        };

        let api = || Api::new(&info, &[]).unwrap();
        let page = |path| Page::file(path, "text/plain", b"");
        assert!(api().with_pages([page("/a"), page("/a/b")]).is_ok());

        for paths in [
            ["/a", "/a"],
            ["/a", "/docs"],
            ["/a", "/docs/{file}"],
            ["/a", "/{b}"],
            ["/a", "b"],
        ] {
            let wrong = api()
                .with_pages(paths.map(page))
                .err()
                .expect("it is refused");
            assert_eq!(wrong.0.len(), 1, "{paths:?}: {wrong}");
        }

        assert!(
            api()
                .with_pages([page("/a")])
                .unwrap()
                .with_pages([page("/a")])
                .is_err()
        );
    }
}
