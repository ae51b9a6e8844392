//! The return types of endpoints, and their conversion into responses.

use std::{borrow::Cow, convert::Infallible};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use mainstay_database::{Cursor, Page};
use schemars::{JsonSchema, Schema, json_schema};
use serde::Serialize;

use crate::{
    INTERNAL, Json, Location, OUTCOME_UNKNOWN, Operation, Parameter, Problem, Request, UNAVAILABLE,
    View,
    conditions::{is_known, tag_of},
    declaration::Success,
    reply::{Reply, to_bytes},
};

/// A return type of an endpoint's function: `Result<Json<V>, Problem>`, or [`Created`],
/// [`NoContent`] or [`PageOf`] instead of `Json`.
#[diagnostic::on_unimplemented(
    message = "an endpoint cannot return `{Self}`",
    note = "return `Result<A, Problem>` where `A` is `Json<V>`, `Created<V>`, `NoContent` or `PageOf<V>`",
    note = "`V` is a type under `#[view]`: a database row or an input is never an answer"
)]
pub trait Output {
    /// Writes the response.
    ///
    /// # Errors
    /// Returns the problem that the function returned.
    fn answer(self, request: &Request) -> Result<Reply, Problem>;

    /// Describes the response in the API document.
    fn describe(operation: &mut Operation<'_>);
}

/// 201 Created. `Location` is the path of the request followed by the id of the new resource.
#[derive(Debug)]
pub struct Created<V>(pub V);

/// 201 Created with an explicit `Location`.
#[derive(Debug)]
pub struct CreatedAt<V>(pub Cow<'static, str>, pub V);

/// 204 No Content.
#[derive(Clone, Copy, Debug)]
pub struct NoContent;

/// 202 Accepted, without a body: the work happens elsewhere, such as by e-mail, and the response
/// does not reveal its outcome.
#[derive(Clone, Copy, Debug)]
pub struct Accepted;

/// Another answer with additional headers, such as a cookie or a cache directive.
#[derive(Debug)]
pub struct WithHeaders<A>(pub A, pub Vec<(HeaderName, HeaderValue)>);

/// A listing that is always short and therefore not paginated: `{"items": […]}`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListingOf{V}", deny_unknown_fields)]
pub struct Listing<V> {
    /// The items, in order.
    pub items: Vec<V>,
}

/// One page of a listing: `{"items": […], "next_cursor": …}`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{V}", deny_unknown_fields)]
pub struct PageOf<V> {
    /// The items, in order.
    pub items: Vec<V>,
    /// Pass it as `cursor` to get the next page; null on the last one.
    pub next_cursor: Option<Cursor>,
}

impl<V> PageOf<V> {
    /// Converts each row of a page into a view.
    pub fn new<E>(page: Page<E>, view: impl FnMut(E) -> V) -> Self {
        Self {
            items: page.items.into_iter().map(view).collect(),
            next_cursor: page.next,
        }
    }
}

impl<A: Output> Output for Result<A, Problem> {
    fn answer(self, request: &Request) -> Result<Reply, Problem> {
        self?.answer(request)
    }

    fn describe(operation: &mut Operation<'_>) {
        operation.answers(&[INTERNAL, UNAVAILABLE]);
        if !operation.method.is_safe() {
            operation.answers(&[OUTCOME_UNKNOWN]);
        }
        A::describe(operation);
    }
}

impl<V: View> Output for Json<V> {
    fn answer(self, request: &Request) -> Result<Reply, Problem> {
        let tag = self.0.version().map(tag_of);
        if let Some(tag) = tag
            .as_ref()
            .filter(|tag| reads(&request.parts.method) && is_known(&request.parts.headers, tag))
        {
            return Ok(with_tag(empty(StatusCode::NOT_MODIFIED), Some(tag)));
        }

        Ok(json(StatusCode::OK, &self.0, self.0.version()))
    }

    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.output_schema::<V>();
        succeeds(operation, StatusCode::OK, Some(schema), etag::<V>());
        if V::VERSIONED && reads(&operation.method) {
            describe_condition::<V>(operation);
        }
    }
}

impl<V: View> Output for Created<V> {
    fn answer(self, request: &Request) -> Result<Reply, Problem> {
        let location = self
            .0
            .id()
            .map(|id| format!("{}/{id}", request.parts.uri.path()));
        created(location, &self.0)
    }

    fn describe(operation: &mut Operation<'_>) {
        describe_created::<V>(operation);
    }
}

impl<V: View> Output for CreatedAt<V> {
    fn answer(self, _: &Request) -> Result<Reply, Problem> {
        created(Some(self.0.into_owned()), &self.1)
    }

    fn describe(operation: &mut Operation<'_>) {
        describe_created::<V>(operation);
    }
}

impl<A: Output> Output for WithHeaders<A> {
    fn answer(self, request: &Request) -> Result<Reply, Problem> {
        let mut reply = self.0.answer(request)?;
        for (name, value) in self.1 {
            reply.headers_mut().append(name, value);
        }
        Ok(reply)
    }

    fn describe(operation: &mut Operation<'_>) {
        A::describe(operation);
    }
}

impl<V: View> Output for Listing<V> {
    fn answer(self, _: &Request) -> Result<Reply, Problem> {
        Ok(json(StatusCode::OK, &self, None))
    }

    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.output_schema::<Self>();
        succeeds(operation, StatusCode::OK, Some(schema), Vec::new());
    }
}

impl Output for Accepted {
    fn answer(self, _: &Request) -> Result<Reply, Problem> {
        Ok(empty(StatusCode::ACCEPTED))
    }

    fn describe(operation: &mut Operation<'_>) {
        succeeds(operation, StatusCode::ACCEPTED, None, Vec::new());
    }
}

impl Output for NoContent {
    fn answer(self, _: &Request) -> Result<Reply, Problem> {
        Ok(empty(StatusCode::NO_CONTENT))
    }

    fn describe(operation: &mut Operation<'_>) {
        succeeds(operation, StatusCode::NO_CONTENT, None, Vec::new());
    }
}

impl<V: View> Output for PageOf<V> {
    fn answer(self, _: &Request) -> Result<Reply, Problem> {
        Ok(json(StatusCode::OK, &self, None))
    }

    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.output_schema::<Self>();
        succeeds(operation, StatusCode::OK, Some(schema), Vec::new());
    }
}

/// The response to a `HEAD` request whose content was not generated, so its length is unknown (RFC
/// 9110 §9.3.2).
pub(crate) fn not_shown() -> Reply {
    let mut reply = Response::new(Body::from_stream(
        stream::empty::<Result<Bytes, Infallible>>(),
    ));
    reply.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    reply
}

fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Body::empty());
    *reply.status_mut() = status;
    reply
}

fn created<V: View>(location: Option<String>, view: &V) -> Result<Reply, Problem> {
    let mut reply = json(StatusCode::CREATED, view, view.version());
    if let Some(location) = location.and_then(|location| HeaderValue::try_from(location).ok()) {
        reply.headers_mut().insert(header::LOCATION, location);
    }
    Ok(reply)
}

fn describe_created<V: View>(operation: &mut Operation<'_>) {
    let schema = operation.output_schema::<V>();
    let mut headers = etag::<V>();
    headers.push(("Location", "The URL of the new resource."));
    succeeds(operation, StatusCode::CREATED, Some(schema), headers);
}

pub(crate) fn succeeds(
    operation: &mut Operation<'_>,
    status: StatusCode,
    schema: Option<Schema>,
    headers: Vec<(&'static str, &'static str)>,
) {
    let body = schema.map(|schema| ("application/json", schema));
    operation.success.push(Success {
        status,
        body,
        headers,
    });
}

fn etag<V: View>() -> Vec<(&'static str, &'static str)> {
    if V::VERSIONED {
        vec![(
            "ETag",
            "The version of the resource. Send it back as `If-Match`.",
        )]
    } else {
        Vec::new()
    }
}

fn reads(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

/// Describes `If-None-Match` on a read (RFC 9110 §13.1.2).
fn describe_condition<V: View>(operation: &mut Operation<'_>) {
    operation.parameters.push(Parameter {
        location: Location::Header,
        name: header::IF_NONE_MATCH.to_string(),
        required: false,
        description: Some(
            "The `ETag` of the client's copy, such as `\"3\"`; a list of them; or `*`.".to_owned(),
        ),
        schema: json_schema!({ "type": "string" }),
    });
    succeeds(operation, StatusCode::NOT_MODIFIED, None, etag::<V>());
}

pub(crate) fn json(status: StatusCode, body: &impl Serialize, version: Option<i64>) -> Reply {
    let mut reply = Response::new(Body::from(to_bytes(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    with_tag(reply, version.map(tag_of).as_ref())
}

fn with_tag(mut reply: Reply, tag: Option<&String>) -> Reply {
    if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        reply.headers_mut().insert(header::ETAG, tag);
    }
    reply
}
