//! The start page at `/`, unless the app has its own.

use mainstay_http::{Content, Info, WebPage, look};
use mainstay_mail::Mailbox;

/// The content of the page.
pub(crate) struct Welcome {
    pub(crate) info: Info,
    /// Whether the API reference at /docs is served.
    pub(crate) docs: bool,
    /// Shown in development only.
    pub(crate) development: Option<Development>,
}

/// Details for a developer.
pub(crate) struct Development {
    pub(crate) migrations: usize,
    pub(crate) operations: usize,
    pub(crate) mailbox: Option<Mailbox>,
}

impl Welcome {
    /// Builds the page.
    pub(crate) fn page(self) -> WebPage {
        let make = move |_: &[(String, String)]| {
            let html = look::page(self.info.title, self.info.title, &self.main());
            Ok(Content {
                content_type: "text/html; charset=utf-8",
                bytes: html.into(),
            })
        };
        WebPage::made("/", make).policy(look::POLICY)
    }

    fn main(&self) -> String {
        match &self.development {
            Some(development) => self.in_development(development),
            None => self.in_production(),
        }
    }

    fn in_production(&self) -> String {
        let [title, description] = [self.info.title, self.info.description].map(look::escaped);
        let docs = if self.docs {
            r#" <a class="button" href="/docs">API reference</a>"#
        } else {
            ""
        };

        format!(
            r#"<main class="narrow">
    <h1>{title}</h1>
    <p class="lead">{description}</p>
    <p><a class="button first" href="/account">Sign in</a>{docs}</p>
  </main>"#
        )
    }

    fn in_development(&self, development: &Development) -> String {
        let [title, version] = [self.info.title, self.info.version].map(look::escaped);
        let Development {
            migrations,
            operations,
            mailbox,
        } = development;

        let mail = mailbox
            .as_ref()
            .map(|mailbox| match mailbox.messages().len() {
                1 => "1 message since the start.".to_owned(),
                count => format!("{count} messages since the start."),
            });

        let cards = [
            self.docs.then(|| {
                let text = format!("{operations} operations to try in the browser.");
                card("Try the API", &text, r#"<a href="/docs">API reference</a>"#)
            }),
            mail.map(|text| card("Read the mail", &text, r#"<a href="/dev/mail">Mailbox</a>"#)),
            Some(card(
                "Manage your account",
                "Passkeys, recovery codes, applications.",
                SECURITY,
            )),
            Some(card(
                "Add a resource",
                "Follow <code>docs/tutorial.md</code>, in ten minutes.",
                "",
            )),
        ];

        let cards: String = cards.into_iter().flatten().collect();

        format!(
            r#"<main>
    <h1>The service is running</h1>
    <p class="lead">{title} {version} in development, {migrations} migrations.
      Sign in as printed by <code>dev</code>.</p>
    <p><a class="button first" href="/account">Sign in</a></p>
    <div class="grid">{cards}</div>
  </main>"#
        )
    }
}

const SECURITY: &str = r#"<a href="/account/security">Security</a>"#;

/// A card of the page. `text` and `link` are HTML.
fn card(heading: &str, text: &str, link: &str) -> String {
    format!(r#"<section class="card"><h2>{heading}</h2><p>{text}</p>{link}</section>"#)
}
