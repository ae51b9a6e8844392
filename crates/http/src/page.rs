//! Pages and files that are served next to the API.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::{Asset, Problem, asset::Representations};

/// A page or file that is served next to the API: one path, for `GET` and `HEAD`.
///
/// A page has no caller, takes no body and reads no data; anything that needs these is an endpoint.
/// Pages are not part of the API document, and no endpoint may have the same path.
///
/// ```
/// use mainstay_http::WebPage;
///
/// let style = WebPage::file("/about/style.css", "text/css; charset=utf-8", b"body { margin: 2rem }");
/// let page = WebPage::file("/about", "text/html; charset=utf-8", b"<!doctype html><title>About</title>")
///     .policy("default-src 'none'; style-src 'self'; frame-ancestors 'none'");
/// assert_eq!([style.path(), page.path()], ["/about/style.css", "/about"]);
/// ```
#[derive(Clone)]
pub struct WebPage {
    path: &'static str,
    policy: Option<&'static str>,
    pub(crate) source: Source,
}

/// Where a page's content comes from.
#[derive(Clone)]
pub(crate) enum Source {
    /// A file that is part of the binary.
    File(Arc<Representations>),
    /// Generated for each request, and never cached.
    Made(Arc<Make>),
    /// A redirect to another path.
    Redirect(&'static str),
}

type Make = dyn Fn(&[(String, String)]) -> Result<Content, Problem> + Send + Sync;

/// Content and its type.
#[derive(Clone, Debug)]
pub struct Content {
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// The content.
    pub bytes: Bytes,
}

impl WebPage {
    /// Content that is part of the binary. Clients cache it and revalidate it (`ETag`), and get
    /// gzip if they accept it.
    pub fn file(path: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Self {
        Self::of(
            path,
            Source::File(Arc::new(Representations::new(
                content_type,
                Bytes::from_static(bytes),
            ))),
        )
    }

    /// A file that a build script prepared, at its own path.
    pub fn asset(asset: &'static Asset) -> Self {
        Self::asset_at(asset.path, asset)
    }

    /// A file that a build script prepared, at another path, which does not change with its
    /// content.
    pub fn asset_at(path: &'static str, asset: &'static Asset) -> Self {
        Self::of(
            path,
            Source::File(Arc::new(Representations::under(path, asset))),
        )
    }

    /// Content that is generated for each request, from the fields of the query. `make` must not
    /// block.
    pub fn made(
        path: &'static str,
        make: impl Fn(&[(String, String)]) -> Result<Content, Problem> + Send + Sync + 'static,
    ) -> Self {
        Self::of(path, Source::Made(Arc::new(make)))
    }

    /// Redirects `path` to another path of this service, such as `/account/sign-in`.
    pub fn redirect(path: &'static str, to: &'static str) -> Self {
        Self::of(path, Source::Redirect(to))
    }

    /// Sets the content security policy. The default allows nothing to be loaded and no one to
    /// frame the page.
    #[must_use]
    pub fn policy(mut self, policy: &'static str) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Its path.
    pub fn path(&self) -> &'static str {
        self.path
    }

    pub(crate) fn content_security_policy(&self) -> Option<&'static str> {
        self.policy
    }

    fn of(path: &'static str, source: Source) -> Self {
        Self {
            path,
            policy: None,
            source,
        }
    }
}

impl fmt::Debug for WebPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
