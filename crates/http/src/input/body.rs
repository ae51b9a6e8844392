use axum::body::Body;
use bytes::Bytes;
use http::{Method, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::{
    Input, Shape,
    text::json_has_nul,
    violations::{checked, unreadable},
};
use crate::{
    CONTENT_TOO_LARGE, FieldError, INVALID_INPUT, MALFORMED, Operation, Problem, REQUEST_TIMEOUT, Request,
    UNSUPPORTED_MEDIA_TYPE,
};

/// A JSON body (RFC 8259), as an input and as an answer.
#[derive(Debug)]
pub struct Json<T>(pub T);

const JSON: &[&str] = &["application/json"];
/// A patch is taken as plain JSON too: it means the same (RFC 7396).
const MERGE_PATCH: &[&str] = &["application/merge-patch+json", "application/json"];

impl<T: Shape> Input for Json<T> {
    async fn take(request: &mut Request) -> Result<Self, Problem> {
        let body = read(request, accepted(&request.parts.method)).await?;
        if std::str::from_utf8(&body).is_err() {
            return Err(MALFORMED.problem().detail("The body is not UTF-8."));
        }
        if json_has_nul(&body) {
            return Err(MALFORMED.problem().detail("The body holds a NUL character, which no text may."));
        }
        // serde reads a struct from a list too, by position: a second way to write a body, which nothing documents.
        if body.trim_ascii_start().first() == Some(&b'[') && broken(&body).is_none() {
            let error =
                FieldError { location: "body".into(), pointer: String::new(), detail: "expected an object".into() };
            return Err(INVALID_INPUT.problem().errors([error]));
        }
        let mut json = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| match broken(&body) {
            None => unreadable("body", error.path(), &without_place(error.inner())),
            Some(broken) => MALFORMED.problem().detail(format!("The body is not JSON: {broken}.")),
        })?;
        json.end().map_err(|_| MALFORMED.problem().detail("Something follows the JSON value of the body."))?;
        checked("body", value).map(Self)
    }

    fn describe(operation: &mut Operation<'_>) {
        let schema = operation.input_schema::<T>();
        operation.body = Some((accepted(&operation.method), schema));
        describe_body(operation);
    }
}

fn accepted(method: &Method) -> &'static [&'static str] {
    if method == Method::PATCH { MERGE_PATCH } else { JSON }
}

/// Reads a body of one of the `accepted` content types, up to the limit and within the time that the settings give.
pub(super) async fn read(request: &mut Request, accepted: &[&str]) -> Result<Bytes, Problem> {
    let content_type = request.header(&header::CONTENT_TYPE).and_then(|value| value.parse::<mime::Mime>().ok());
    let plain = request.header(&header::CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    if !plain || !content_type.is_some_and(|given| accepted.contains(&given.essence_str()) && is_utf8(&given)) {
        return Err(UNSUPPORTED_MEDIA_TYPE.problem().detail(format!("Send the body as {}.", accepted.join(" or "))));
    }
    let settings = request.app.settings();
    let (limit, timeout) = (settings.body_limit, settings.body_timeout);
    let body = request.body.take().unwrap_or_else(Body::empty);
    match tokio::time::timeout(timeout, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(CONTENT_TOO_LARGE.problem().detail(format!("The body is larger than {limit} bytes.")))
        }
        Ok(Err(_)) => Err(MALFORMED.problem().detail("The body broke off.")),
        Err(_) => Err(REQUEST_TIMEOUT.problem()),
    }
}

pub(super) fn describe_body(operation: &mut Operation<'_>) {
    operation.answers(&[MALFORMED, REQUEST_TIMEOUT, CONTENT_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, INVALID_INPUT]);
}

/// Why the body is not JSON at all, of whatever shape. A value's own reader may hide that behind its rules, and
/// serde_json calls it broken JSON when an object stands where a word of a choice should.
fn broken(body: &[u8]) -> Option<serde_json::Error> {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).err()
}

fn is_utf8(content_type: &mime::Mime) -> bool {
    content_type.get_param(mime::CHARSET).is_none_or(|charset| charset == mime::UTF_8)
}

/// The pointer says where; a line and a column say it worse.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}
