//! The content of a message.

use askama::Template;

use crate::MailError;

/// The content of an e-mail: a subject, and a sequence of paragraphs, buttons and codes. It is
/// rendered as text and as HTML, with one template each. The HTML loads nothing from elsewhere.
///
/// ```
/// use mainstay_mail::{Letter, Mail};
///
/// let letter = Letter::new("Choose a new password")
///     .paragraph("Someone asked to change the password of your account. If it was not you, do nothing.")
///     .button("Choose a password", "https://api.example/account/password#token=…")
///     .footer("This address has an account at Example.");
/// let mail = Mail::new("ada@example.org", &letter)?;
/// assert!(mail.text().contains("Choose a password:\nhttps://api.example/"));
/// # Ok::<(), mainstay_mail::MailError>(())
/// ```
#[derive(Clone)]
pub struct Letter {
    subject: String,
    parts: Vec<Part>,
    footer: Option<String>,
}

#[derive(Clone)]
enum Part {
    Paragraph(String),
    Button(String, String),
    Code(String),
}

#[derive(Template)]
#[template(path = "letter.txt")]
struct Text<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

impl Letter {
    /// Creates an empty message.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: one_line(subject),
            parts: Vec::new(),
            footer: None,
        }
    }

    /// Adds a paragraph of plain text. Line breaks become spaces.
    #[must_use]
    pub fn paragraph(mut self, text: impl Into<String>) -> Self {
        self.parts.push(Part::Paragraph(one_line(text)));
        self
    }

    /// Adds a button, with its URL as text below it for readers of plain text and for those who do
    /// not trust buttons.
    #[must_use]
    pub fn button(mut self, label: impl Into<String>, url: impl Into<String>) -> Self {
        self.parts
            .push(Part::Button(one_line(label), one_line(url)));
        self
    }

    /// Adds a code that the reader has to type.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.parts.push(Part::Code(one_line(code)));
        self
    }

    /// Sets the small print, which says why the reader gets the message.
    #[must_use]
    pub fn footer(mut self, text: impl Into<String>) -> Self {
        self.footer = Some(one_line(text));
        self
    }

    pub(crate) fn subject(&self) -> &str {
        &self.subject
    }

    pub(crate) fn text(&self) -> Result<String, MailError> {
        Text { letter: self }
            .render()
            .map_err(|_| MailError::Template)
    }

    pub(crate) fn html(&self) -> Result<String, MailError> {
        Html { letter: self }
            .render()
            .map_err(|_| MailError::Template)
    }
}

/// Ensures that names chosen by people cannot add a header, a line or a paragraph, or change the
/// direction of text.
fn one_line(text: impl Into<String>) -> String {
    mainstay_kernel::one_line(&text.into()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter::new("Welcome,\r\nBcc: eve@example.com")
            .paragraph("An <b>organization</b> & \"its\" name\u{7}")
            .button("Open <it>", "https://example.org/?a=1&b=\"2\"")
            .code("123 456")
            .footer("Why you get this.")
    }

    #[test]
    fn text_is_escaped_in_html() {
        let html = letter().html().unwrap();
        assert!(
            !html.contains("<b>") && !html.contains("<it>") && !html.contains("b=\"2\""),
            "{html}"
        );
        assert!(
            html.contains("https://example.org/?a=1") && html.contains("123 456"),
            "{html}"
        );
        assert!(!html.contains("\u{7}"));
    }

    #[test]
    fn the_text_form_has_the_same_content() {
        let expected = "Welcome,  Bcc: eve@example.com\n\nAn <b>organization</b> & \"its\" name \n\nOpen <it>:\n\
                        https://example.org/?a=1&b=\"2\"\n\n    123 456\n\n-- \nWhy you get this.\n";
        assert_eq!(letter().text().unwrap(), expected);
    }

    #[test]
    fn a_name_cannot_add_a_paragraph() {
        let name = "Acme\n\nYour account is suspended\u{202e}: https://evil.example\u{1b}[2J";
        let letter = Letter::new("Hello")
            .paragraph(format!("You are invited to \u{201c}{name}\u{201d}."))
            .footer(name);
        let one_line = "Acme  Your account is suspended : https://evil.example [2J";
        let expected =
            format!("Hello\n\nYou are invited to \u{201c}{one_line}\u{201d}.\n\n-- \n{one_line}\n");
        assert_eq!(letter.text().unwrap(), expected);
        assert!(letter.html().unwrap().contains(one_line));
    }

    /// Remote content would reveal who read the message, and when.
    #[test]
    fn the_html_loads_nothing_from_elsewhere() {
        let html = Letter::new("Nothing").paragraph("At all").html().unwrap();
        for remote in [
            "http:", "https:", "src=", "url(", "@import", "<link", "<script", "<img",
        ] {
            assert!(!html.contains(remote), "{remote}: {html}");
        }
    }
}
