//! A problem as an HTML page for a person with a browser: the same status, a sentence about what
//! happened, and a link.

use http::{HeaderValue, StatusCode, header};
use uuid::Uuid;

use crate::{Problem, look, reply::Reply};

impl Problem {
    /// Renders the problem as a page instead of JSON. The headers stay the same but for the content
    /// type and policy.
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

/// A heading and a sentence for a status. `detail` is the sentence of the JSON problem.
fn words(status: StatusCode, detail: &str) -> (&'static str, &str) {
    match status {
        StatusCode::NOT_FOUND => (
            "Page not found",
            "Check the address, or go back to where you came from.",
        ),
        StatusCode::MISDIRECTED_REQUEST => ("Wrong address", detail),
        StatusCode::SERVICE_UNAVAILABLE => ("Temporarily unavailable", detail),
        status if status.is_server_error() => ("Something went wrong", detail),
        _ => ("The request failed", detail),
    }
}
