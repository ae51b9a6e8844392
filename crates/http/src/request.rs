//! The request that an endpoint's policy and inputs read.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderName, Method, request::Parts};
use mainstay_access::Principal;
use mainstay_database::Origin;
use tokio::sync::OwnedSemaphorePermit;

use crate::{App, bodies::BodyLimit};

/// A request to an endpoint. The policy checks its head, then the inputs extract their values.
pub struct Request {
    pub(crate) app: App,
    pub(crate) parts: Parts,
    pub(crate) body: Option<Body>,
    /// The path's parameters, decoded, in order.
    pub(crate) path: Vec<(String, String)>,
    pub(crate) origin: Origin,
    pub(crate) principal: Option<Arc<Principal>>,
    pub(crate) body_limit: BodyLimit,
    /// Its body's share of the body budget, released with the response.
    pub(crate) body_share: Option<OwnedSemaphorePermit>,
}

impl Request {
    /// The value of a header; `None` if it is missing, repeated, or not text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        single(&self.parts.headers, name)
    }

    /// Whether the response has content, unlike that to `HEAD`.
    pub(crate) fn shows(&self) -> bool {
        self.parts.method != Method::HEAD
    }

    /// The origin of the request, for the audit log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The service's shared state.
    pub fn app(&self) -> &App {
        &self.app
    }
}

pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
