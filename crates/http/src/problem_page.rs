//! A problem as a person at a browser reads it: the same status, what happened in plain words, and a way on.

use http::{HeaderValue, StatusCode, header};
use uuid::Uuid;

use crate::{Problem, look, request::Reply};

impl Problem {
    /// The page in place of the document. Its headers are those of the document.
    pub(crate) fn into_page(self, request_id: Uuid) -> Reply {
        let detail = self.shown_detail();
        let (heading, sentence) = words(self.kind().status, &detail);
        let sentence = look::escaped(sentence);
        let page = look::page(
            heading,
            "",
            &format!(
                r#"<main class="narrow">
    <h1>{heading}</h1>
    <p class="lead">{sentence}</p>
    <p><a class="button" href="/">To the start page</a></p>
    <p class="lead"><small>Request <code>{request_id}</code></small></p>
  </main>"#
            ),
        );

        let mut reply = self.into_reply(request_id);
        *reply.body_mut() = page.into();

        let headers = reply.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(look::POLICY),
        );

        reply
    }
}

/// What a person is told of a status: a heading, and a sentence. `detail` is what a program is told.
fn words(status: StatusCode, detail: &str) -> (&'static str, &str) {
    match status {
        StatusCode::NOT_FOUND => (
            "There is no such page",
            "Check the address, or go back to where you came from.",
        ),
        StatusCode::MISDIRECTED_REQUEST => ("This is another service's address", detail),
        StatusCode::SERVICE_UNAVAILABLE => ("This does not work just now", detail),
        status if status.is_server_error() => ("Something went wrong on our side", detail),
        _ => ("This does not work", detail),
    }
}
