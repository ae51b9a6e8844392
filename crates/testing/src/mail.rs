//! Mail that the service under test sent.

use std::{sync::PoisonError, time::Duration};

use mainstay_kernel::Uuid;
use tokio::time::{sleep, timeout};

use crate::TestApp;

/// How long a test waits for mail, even on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);

/// An e-mail that the service would have sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its Message-ID, which is the job's id.
    pub id: Uuid,
    /// The recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text body.
    pub text: String,
    /// The HTML body.
    pub html: String,
}

impl TestApp {
    /// Waits until no job is due, then returns all mail so far, newest first.
    ///
    /// # Panics
    /// When the app sends its mail to a server, or jobs run for more than a minute.
    pub async fn mailbox(&self) -> Vec<Message> {
        self.until_idle().await;
        self.mail_so_far()
    }

    /// Waits for the newest e-mail to `address` that no earlier call has returned.
    ///
    /// # Panics
    /// When none arrives within a minute.
    pub async fn mail_to(&self, address: &str) -> Message {
        let comes = async {
            loop {
                if let Some(message) = self.unseen(address) {
                    return message;
                }
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, comes)
            .await
            .unwrap_or_else(|_| panic!("no mail to {address} arrived"))
    }

    /// Waits until no job is due or running.
    ///
    /// # Panics
    /// When that takes more than a minute.
    pub async fn until_idle(&self) {
        const BUSY: &str = r"
            SELECT kind
            FROM mainstay.jobs
            WHERE state = 'running' OR (state = 'waiting' AND run_at <= now())
        ";

        let mut owner = self.owner().await;
        let idle = async {
            loop {
                if owner
                    .run(BUSY, [])
                    .await
                    .expect("the queue is read")
                    .is_empty()
                {
                    return;
                }
                sleep(LOOK).await;
            }
        };

        timeout(PATIENCE, idle)
            .await
            .expect("the jobs are done in time");
    }

    fn mail_so_far(&self) -> Vec<Message> {
        let mailbox = self
            .server
            .mailbox
            .as_ref()
            .expect("mail is kept in memory");

        let convert = |message: mainstay_mail::MailboxMessage| Message {
            id: message.id.uuid(),
            to: message.to,
            subject: message.subject,
            text: message.text,
            html: message.html,
        };

        mailbox.messages().into_iter().map(convert).collect()
    }

    fn unseen(&self, address: &str) -> Option<Message> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // While a manual clock stands still, ids do not order messages by age.
        let messages: Vec<_> = self
            .mail_so_far()
            .into_iter()
            .filter(|message| message.to == address)
            .collect();

        let newest = messages
            .iter()
            .find(|message| !seen.contains(&message.id))?
            .clone();

        seen.extend(messages.iter().map(|message| message.id));

        Some(newest)
    }
}

impl Message {
    /// The links in the text, in order.
    pub fn links(&self) -> Vec<&str> {
        let words = self.text.split_whitespace();
        words
            .filter(|word| word.starts_with("https://") || word.starts_with("http://"))
            .collect()
    }

    /// The one-time token of the first link: the value of `token` in its query or fragment, or else
    /// the part after the last `#`, `=` or `/`.
    ///
    /// # Panics
    /// When the text has no link.
    pub fn link_token(&self) -> String {
        let links = self.links();
        let link = links
            .first()
            .unwrap_or_else(|| panic!("no link in {:?}", self.text));
        let named = link
            .split(['?', '#', '&'])
            .find_map(|field| field.strip_prefix("token="));
        let last = || link.rsplit(['#', '=', '/']).next().unwrap_or_default();
        named.unwrap_or_else(last).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_of_a_link_is_found() {
        for link in [
            "https://a.example/account/verify#token=abc",
            "https://a.example/verify?user=1&token=abc&next=2",
            "https://a.example/verify#abc",
            "https://a.example/verify/abc",
        ] {
            let text =
                format!("Hello\n\nOpen:\n{link}\n\nBye, https://elsewhere.example/#token=xyz");
            let (to, subject, html) = (String::new(), String::new(), String::new());
            let message = Message {
                id: Uuid::nil(),
                to,
                subject,
                text,
                html,
            };
            assert_eq!(message.link_token(), "abc", "{link}");
        }
    }
}
