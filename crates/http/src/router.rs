use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
};

use axum::{Router, extract::Request as HttpRequest, routing::any};
use bytes::Bytes;
use http::Method;

use crate::{App, Declaration, Info, Kind, Module, edge, pages, schemas::Schemas};

/// The endpoints of a service, checked, with their document.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    resources: BTreeMap<&'static str, Arc<Resource>>,
    document: serde_json::Value,
    bytes: Bytes,
    tag: String,
}

/// A path and its methods.
pub(crate) struct Resource {
    pub(crate) path: &'static str,
    pub(crate) endpoints: Vec<Mounted>,
}

/// An endpoint where requests reach it.
pub(crate) struct Mounted {
    pub(crate) declaration: Declaration,
    /// What it may answer beside success: nothing else leaves it.
    pub(crate) problems: Vec<Kind>,
}

/// What the start-up check found wrong with the declarations, all of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong(pub Vec<String>);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the endpoints contradict each other:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

impl std::error::Error for Wrong {}

impl Api {
    /// Mounts the endpoints of `modules`.
    ///
    /// # Errors
    /// [`Wrong`] when two declarations contradict each other or one contradicts itself.
    pub fn new(info: &Info, modules: &[Module]) -> Result<Self, Wrong> {
        check(modules)?;
        let mut resources: BTreeMap<&'static str, Resource> = BTreeMap::new();
        for declaration in modules.iter().flat_map(Module::declarations) {
            let problems = declaration.operation(&mut Schemas::new()).problems;
            resources
                .entry(declaration.path)
                .or_insert_with(|| Resource { path: declaration.path, endpoints: Vec::new() })
                .endpoints
                .push(Mounted { declaration: declaration.clone(), problems });
        }
        let document = crate::document(info, modules);
        let bytes = Bytes::from(document.to_string());
        let tag = format!("\"{:016x}\"", fingerprint(&bytes));
        let resources = resources.into_iter().map(|(path, resource)| (path, Arc::new(resource))).collect();
        Ok(Self(Arc::new(Inner { resources, document, bytes, tag })))
    }

    /// The OpenAPI document.
    pub fn document(&self) -> &serde_json::Value {
        &self.0.document
    }

    pub(crate) fn document_bytes(&self) -> Bytes {
        self.0.bytes.clone()
    }

    pub(crate) fn document_tag(&self) -> &str {
        &self.0.tag
    }

    /// The router: opaque, so that nothing can be merged into it.
    pub(crate) fn router(&self, app: &App) -> Router {
        let mut router = Router::new();
        for (path, resource) in &self.0.resources {
            let (app, resource) = (app.clone(), resource.clone());
            router = router.route(path, any(move |request: HttpRequest| edge::endpoint(app, resource, request)));
        }
        for path in pages::PATHS {
            let (app, api) = (app.clone(), self.clone());
            router = router.route(path, any(move |request: HttpRequest| edge::page(app, api, path, request)));
        }
        let app = app.clone();
        router.fallback(move |request: HttpRequest| edge::unknown(app, request))
    }
}

impl Resource {
    pub(crate) fn endpoint(&self, method: &Method) -> Option<&Mounted> {
        // HEAD is answered as GET, and the server leaves the body out (RFC 9110 §9.3.2).
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        self.endpoints.iter().find(|endpoint| endpoint.declaration.method == *wanted)
    }

    /// The value of `Allow`.
    pub(crate) fn methods(&self) -> String {
        let mut methods: Vec<&str> = self.endpoints.iter().map(|it| it.declaration.method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods.join(", ")
    }
}

/// The start-up check.
fn check(modules: &[Module]) -> Result<(), Wrong> {
    let mut wrong = Vec::new();
    let (mut routes, mut operations, mut patterns) = (HashSet::new(), HashSet::new(), BTreeMap::new());
    for declaration in modules.iter().flat_map(Module::declarations) {
        let Declaration { method, path, operation, path_parameters, .. } = declaration;
        let pattern = pattern(path);
        if pages::PATHS.iter().any(|page| self::pattern(page) == pattern) {
            wrong.push(format!("{operation}: {path} belongs to the platform"));
        }
        if !routes.insert((method.clone(), pattern.clone())) {
            wrong.push(format!("{operation}: {method} {path} is declared twice"));
        }
        if !operations.insert(*operation) {
            wrong.push(format!("{operation}: two functions have this name"));
        }
        if let Some(other) = patterns.insert(pattern, *path).filter(|other| other != path) {
            wrong.push(format!("{operation}: {path} and {other} name the same parameter differently"));
        }
        let taken = declaration.operation(&mut Schemas::new()).taken_from_path();
        if taken != path_parameters.len() {
            let named = path_parameters.len();
            wrong.push(format!("{operation}: {path} has {named} parameters, the function takes {taken}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Wrong(wrong)) }
}

/// A path without the names of its parameters: two paths of one pattern are one to the router.
fn pattern(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

/// FNV-1a: an `ETag` must be the same in every replica of one build, and hide nothing.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
