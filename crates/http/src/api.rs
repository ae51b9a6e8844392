//! The endpoints and pages of a service, checked at start-up.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use http::Method;

use crate::{
    ApiError, Declaration, Info, Kind, Module, Operation, Requirement, WebPage,
    api_check::{PATHS, check, pattern},
    asset::Representations,
    bodies::BodyLimit,
    document::{Tag, document},
    schemas::Schemas,
};

/// The endpoints and pages of a service, after the start-up check, with the API document.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    info: Info,
    tags: Vec<Tag>,
    resources: BTreeMap<&'static str, Arc<Resource>>,
    /// The serialized document, after it was first read.
    file: OnceLock<Arc<Representations>>,
    pages: Vec<WebPage>,
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
    fn new(declaration: &Declaration) -> Self {
        let mut schemas = Schemas::new();
        let Operation {
            problems,
            speaks_oauth,
            requirement,
            body,
            body_limit,
            ..
        } = declaration.operation(&mut schemas);

        Self {
            declaration: declaration.clone(),
            problems,
            speaks_oauth,
            takes_body: body.is_some(),
            is_public: requirement == Requirement::Public,
            body_limit,
        }
    }

    /// The limit of its body, in a service that accepts bodies of up to `most` bytes.
    pub(crate) fn body_limit(&self, most: usize) -> BodyLimit {
        BodyLimit {
            bytes: self.body_limit.map_or(most, |limit| limit.min(most)),
            is_public: self.is_public,
        }
    }
}

impl Api {
    /// Mounts the endpoints of `modules`.
    ///
    /// # Errors
    /// [`ApiError`] if declarations conflict with each other, or one is inconsistent.
    pub fn new(info: &Info, modules: &[Module]) -> Result<Self, ApiError> {
        check(modules)?;

        let api = Self(Arc::new(Inner {
            info: info.clone(),
            tags: modules.iter().map(Tag::of).collect(),
            resources: resources(modules),
            file: OnceLock::new(),
            pages: Vec::new(),
        }));

        api.with_pages(modules.iter().flat_map(Module::added_pages).cloned())
    }

    /// Mounts pages.
    ///
    /// # Errors
    /// [`ApiError`] if an endpoint or another page has the same path.
    pub fn with_pages(self, pages: impl IntoIterator<Item = WebPage>) -> Result<Self, ApiError> {
        let mut inner = Arc::unwrap_or_clone(self.0);
        let mut taken: HashSet<String> = inner.resources.keys().map(|path| pattern(path)).collect();
        taken.extend(
            PATHS
                .iter()
                .copied()
                .chain(inner.pages.iter().map(WebPage::path))
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
            Err(ApiError(wrong))
        }
    }

    /// Mounts the pages whose paths are not taken, and skips the others.
    ///
    /// # Errors
    /// [`ApiError`] if a path has parameters.
    pub fn with_pages_unless_taken(
        self,
        pages: impl IntoIterator<Item = WebPage>,
    ) -> Result<Self, ApiError> {
        let taken: HashSet<_> = self
            .0
            .resources
            .keys()
            .copied()
            .chain(self.0.pages.iter().map(WebPage::path))
            .collect();

        let free: Vec<_> = pages
            .into_iter()
            .filter(|page| !taken.contains(page.path()))
            .collect();

        self.with_pages(free)
    }

    /// Generates the OpenAPI document. It is large, and few processes need it, so none keeps it.
    pub fn document(&self) -> serde_json::Value {
        document(&self.0.info, &self.0.tags)
    }

    /// The number of operations.
    pub fn operations(&self) -> usize {
        self.0
            .resources
            .values()
            .map(|resource| resource.endpoints.len())
            .sum()
    }

    /// The serialized document, which is generated when it is first read.
    pub(crate) fn document_file(&self) -> &Representations {
        self.0.file.get_or_init(|| {
            let text = self.document().to_string();
            Arc::new(Representations::new("application/json", Bytes::from(text)))
        })
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.0.resources.values()
    }

    pub(crate) fn pages(&self) -> &[WebPage] {
        &self.0.pages
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

/// Groups the endpoints of all modules by path.
fn resources(modules: &[Module]) -> BTreeMap<&'static str, Arc<Resource>> {
    let mut resources: BTreeMap<&'static str, Resource> = BTreeMap::new();
    for declaration in modules.iter().flat_map(Module::declarations) {
        resources
            .entry(declaration.path)
            .or_insert_with(|| Resource {
                path: declaration.path,
                endpoints: Vec::new(),
            })
            .endpoints
            .push(Mounted::new(declaration));
    }

    resources
        .into_iter()
        .map(|(path, resource)| (path, Arc::new(resource)))
        .collect()
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
        let page = |path| WebPage::file(path, "text/plain", b"");
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
