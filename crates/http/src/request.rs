use std::sync::Arc;

use axum::body::Body;
use http::{HeaderMap, HeaderName, Method, request::Parts};
use mainstay_access::Principal;
use mainstay_database::Origin;
use tokio::sync::OwnedSemaphorePermit;

use crate::{App, bodies::BodyLimit};

/// The answer of an endpoint.
pub(crate) type Reply = http::Response<Body>;

/// A request on its way through an endpoint: the policy reads its head, then the inputs take what they need.
pub struct Request {
    pub(crate) app: App,
    pub(crate) parts: Parts,
    pub(crate) body: Option<Body>,
    /// The path's parameters, decoded, in order.
    pub(crate) path: Vec<(String, String)>,
    pub(crate) origin: Origin,
    pub(crate) principal: Option<Arc<Principal>>,
    pub(crate) body_limit: BodyLimit,
    /// The share of the body budget that its body holds, until it is answered.
    pub(crate) body_share: Option<OwnedSemaphorePermit>,
}

impl Request {
    /// The value of a header, when it is there once and is text.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        single(&self.parts.headers, name)
    }

    /// Whether the client is shown what is read: not in answer to `HEAD`.
    pub(crate) fn shows(&self) -> bool {
        self.parts.method != Method::HEAD
    }

    /// Where the request comes from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What the service is made of.
    pub fn app(&self) -> &App {
        &self.app
    }
}

pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
