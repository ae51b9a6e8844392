//! `/dev/mail`: the page of the mailbox of development, for browsers and scripts.

use askama::Template;
use mainstay_database::{Id, Job};
use mainstay_http::{Content, INTERNAL, NOT_FOUND, Problem, WebPage};

use crate::{Mailbox, MailboxMessage};

/// Allows styles from this origin and, by its hash, the inline style of messages, because the frame
/// that shows a message inherits this policy (CSP Level 3 §2.3.1). Scripts are not allowed.
const POLICY: &str = "default-src 'none'; style-src 'self' 'sha256-OWT71574Y0kXH0vPXeciQPeXOg/t58AQjfB8CGQHeww='; \
                      img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "mailbox.html")]
struct List<'a> {
    messages: &'a [MailboxMessage],
    shown: Option<Id<Job>>,
}

impl List<'_> {
    fn shows(&self, message: &MailboxMessage) -> bool {
        self.shown == Some(message.id)
    }
}

impl Mailbox {
    /// The page and its style sheet. `?id=…` selects a message, `?format=json` is for scripts.
    pub fn pages(&self) -> [WebPage; 2] {
        let mailbox = self.clone();
        let style = include_bytes!("../templates/mailbox.css");
        [
            WebPage::made("/dev/mail", move |query| mailbox.show(query)).policy(POLICY),
            WebPage::file("/dev/mail.css", "text/css; charset=utf-8", style),
        ]
    }

    fn show(&self, query: &[(String, String)]) -> Result<Content, Problem> {
        let field = |name: &str| {
            query
                .iter()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.as_str())
        };

        let messages = self.messages();
        if field("format") == Some("json") {
            let bytes = serde_json::to_vec(&messages)
                .map_err(|error| INTERNAL.problem().caused_by(error))?;
            return Ok(Content {
                content_type: "application/json",
                bytes: bytes.into(),
            });
        }

        let shown = match field("id") {
            Some(id) => Some(id.parse().map_err(|_| NOT_FOUND.problem())?),
            None => messages.first().map(|message| message.id),
        };
        let html = List {
            messages: &messages,
            shown,
        }
        .render()
        .map_err(|error| INTERNAL.problem().caused_by(error))?;

        Ok(Content {
            content_type: "text/html; charset=utf-8",
            bytes: html.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};
    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::*;
    use crate::Letter;

    #[test]
    fn the_policy_allows_the_style_of_messages() {
        let letter = Letter::new("A test").paragraph("…").html().unwrap();
        let (_, rest) = letter.split_once("<style>").unwrap();
        let (style, after) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(digest(&SHA256, style.as_bytes()));

        assert!(
            POLICY.contains(&format!("'sha256-{hash}'")),
            "the style has changed: its hash is {hash}"
        );
        assert!(
            !after.contains("<style") && !after.contains(" style="),
            "there is a style that the policy does not allow"
        );
        assert!(!POLICY.contains("unsafe"));
    }
}
