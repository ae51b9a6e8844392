//! `/dev/mail`: the mailbox of development, for the developer's browser and for scripts.

use askama::Template;
use mainstay_database::{Id, Job};
use mainstay_http::{Content, INTERNAL, NOT_FOUND, Page, Problem};

use crate::{Mailbox, Message};

/// The page's own style is written in it, and so is each letter's, which the frame inherits this policy for. Nothing is
/// loaded, and no script runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

#[derive(Template)]
#[template(path = "mailbox.html")]
struct List<'a> {
    messages: &'a [Message],
    shown: Option<Id<Job>>,
}

impl List<'_> {
    fn shows(&self, message: &Message) -> bool {
        self.shown == Some(message.id)
    }
}

impl Mailbox {
    /// The page that shows it: `?id=…` chooses a message, `?format=json` is for scripts.
    pub fn page(&self) -> Page {
        let mailbox = self.clone();
        Page::made("/dev/mail", move |query| mailbox.show(query)).policy(POLICY)
    }

    fn show(&self, query: &[(String, String)]) -> Result<Content, Problem> {
        let field = |name: &str| query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let messages = self.messages();
        if field("format") == Some("json") {
            let bytes = serde_json::to_vec(&messages).map_err(|error| INTERNAL.problem().caused_by(error))?;
            return Ok(Content { content_type: "application/json", bytes: bytes.into() });
        }
        let shown = match field("id") {
            Some(id) => Some(id.parse().map_err(|_| NOT_FOUND.problem())?),
            None => messages.first().map(|message| message.id),
        };
        let page = List { messages: &messages, shown }.render();
        let html = page.map_err(|error| INTERNAL.problem().caused_by(error))?;
        Ok(Content { content_type: "text/html; charset=utf-8", bytes: html.into() })
    }
}
