//! JSON bodies.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header, request::Parts};

use super::{
    Input, Shape,
    expected::{Expected, words},
    integers::plain_integers,
    media_type::{MediaType, is_plain},
    text::json_has_nul,
    violations::{checked, unreadable},
};
use crate::{
    CONTENT_TOO_LARGE, FieldError, INTERNAL, INVALID_INPUT, MALFORMED, Operation, Problem,
    REQUEST_TIMEOUT, Request, UNAVAILABLE, UNSUPPORTED_MEDIA_TYPE,
    bodies::{BodyLimit, Unread},
};

/// A JSON body (RFC 8259), as an input or as an answer.
#[derive(Debug)]
pub struct Json<T>(pub T);

const JSON: &[&str] = &["application/json"];
/// A patch is accepted as plain JSON too, with the same meaning (RFC 7396).
const MERGE_PATCH: &[&str] = &["application/merge-patch+json", "application/json"];

impl<T: Shape> Input for Json<T> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        let body = read(request, accepted(&request.parts.method)).await?;
        if std::str::from_utf8(&body).is_err() {
            return Err(MALFORMED.problem().detail("The body is not UTF-8."));
        }
        if json_has_nul(&body) {
            return Err(MALFORMED
                .problem()
                .detail("The body contains a NUL character, which is not allowed."));
        }

        // serde would also read a struct from an array, by position, which no document mentions.
        if body.trim_ascii_start().first() == Some(&b'[') && broken(&body).is_none() {
            let detail = format!("expected {}", words(Expected::of::<T>().follow([]).1));
            let error = FieldError {
                location: "body".into(),
                pointer: String::new(),
                detail,
            };
            return Err(INVALID_INPUT.problem().errors([error]));
        }

        let body = plain_integers(&body);
        let mut json = serde_json::Deserializer::from_slice(&body);
        let value =
            serde_path_to_error::deserialize(&mut json).map_err(|error| match broken(&body) {
                None => unreadable::<T>("body", error.path(), error.inner()),
                Some(broken) => MALFORMED
                    .problem()
                    .detail(format!("The body is not valid JSON: {broken}.")),
            })?;

        json.end().map_err(|_| {
            MALFORMED
                .problem()
                .detail("The body contains more than one JSON value.")
        })?;

        checked("body", value).map(Self)
    }

    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.input_schema::<T>();
        operation.body = Some((accepted(&operation.method), schema));
        describe_body(operation);
    }
}

fn accepted(method: &Method) -> &'static [&'static str] {
    if method == Method::PATCH {
        MERGE_PATCH
    } else {
        JSON
    }
}

/// Reads a body of one of the `accepted` content types, within the limit and timeout of the
/// settings.
pub(super) async fn read(request: &mut Request, accepted: &[&str]) -> Result<Bytes, Problem> {
    check_type(&request.parts, accepted)?;

    let body = request.body.take().unwrap_or_else(Body::empty);
    let reading = request.app.bodies().read(body, request.body_limit);
    let (bytes, share) = tokio::time::timeout(request.app.settings().body_timeout, reading)
        .await
        .map_err(|_| REQUEST_TIMEOUT.problem())?
        .map_err(|why| unread(why, request.body_limit))?;
    request.body_share = share;

    Ok(bytes)
}

fn unread(why: Unread, limit: BodyLimit) -> Problem {
    match why {
        Unread::TooLarge => CONTENT_TOO_LARGE
            .problem()
            .detail(format!("The body is larger than {} bytes.", limit.bytes)),
        Unread::BrokeOff => MALFORMED
            .problem()
            .detail("The body ended before it was complete."),
        Unread::NoRoom => UNAVAILABLE
            .problem()
            .detail("The server is processing too many request bodies. Try again shortly.")
            .retry_after(Duration::from_secs(1))
            .caused_by("body budget exhausted"),
    }
}

/// Refuses a body of another type, charset or coding, and lists the accepted ones (RFC 9110
/// §15.5.16).
fn check_type(parts: &Parts, accepted: &[&str]) -> Result<(), Problem> {
    if !is_plain(parts.headers.get_all(header::CONTENT_ENCODING)) {
        let identity = HeaderValue::from_static("identity");
        return Err(UNSUPPORTED_MEDIA_TYPE
            .problem()
            .detail("Send the body without a content coding.")
            .header(header::ACCEPT_ENCODING, identity));
    }

    let mut given = parts.headers.get_all(header::CONTENT_TYPE).iter();
    let content_type = given
        .next()
        .filter(|_| given.next().is_none())
        .and_then(MediaType::parse);
    if content_type
        .is_some_and(|given| accepted.contains(&given.essence.as_str()) && given.is_utf8())
    {
        return Ok(());
    }

    let problem = UNSUPPORTED_MEDIA_TYPE
        .problem()
        .detail(format!("Send the body as {}.", accepted.join(" or ")));
    let types = HeaderValue::from_str(&accepted.join(", "))
        .map_err(|error| INTERNAL.problem().caused_by(error))?;

    Err(match accepts(&parts.method) {
        Some(name) => problem.header(HeaderName::from_static(name), types),
        None => problem.header(header::ACCEPT, types),
    })
}

/// The header that lists the content types of a method (RFC 5789 §3.1; Linked Data Platform 1.0
/// §7.1).
pub(crate) fn accepts(method: &Method) -> Option<&'static str> {
    match *method {
        Method::PATCH => Some("accept-patch"),
        Method::POST => Some("accept-post"),
        _ => None,
    }
}

pub(super) fn describe_body(operation: &mut Operation<'_>) {
    operation.answers(&[
        MALFORMED,
        REQUEST_TIMEOUT,
        CONTENT_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID_INPUT,
    ]);
}

/// Returns the error if the body is not JSON at all, of any shape. A type's own `Deserialize` may
/// hide that error, and serde_json also reports a syntax error for an object in place of an enum's
/// string.
fn broken(body: &[u8]) -> Option<serde_json::Error> {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).err()
}
