//! Mail that the service under test sent.

use std::{sync::PoisonError, time::Duration};

use mainstay_kernel::Uuid;
use tokio::time::{sleep, timeout};

use crate::TestApp;

/// How long a test waits for mail, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);

/// A mail that the service would have sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its Message-ID: the job's.
    pub id: Uuid,
    /// To whom.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says, as text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
}

impl TestApp {
    /// All mail so far, newest first, once no work waits that is due.
    ///
    /// # Panics
    /// When the app sends its mail to a server, or work goes on for more than a minute.
    pub async fn mailbox(&self) -> Vec<Message> {
        self.until_idle().await;
        self.mail_so_far()
    }

    /// The newest mail to `address` that no earlier call has given; waits for it.
    ///
    /// # Panics
    /// When none comes within a minute.
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
            .unwrap_or_else(|_| panic!("no mail to {address} comes"))
    }

    /// Waits until no queued work is due or under way.
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

        timeout(PATIENCE, idle).await.expect("queued work is done");
    }

    fn mail_so_far(&self) -> Vec<Message> {
        let mailbox = self
            .server
            .mailbox
            .as_ref()
            .expect("mail is kept in memory");

        let told = |message: mainstay_mail::MailboxMessage| Message {
            id: message.id.uuid(),
            to: message.to,
            subject: message.subject,
            text: message.text,
            html: message.html,
        };

        mailbox.messages().into_iter().map(told).collect()
    }

    fn unseen(&self, address: &str) -> Option<Message> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // While a manual clock stands still, ids do not tell which of two messages is the newer one.
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
    /// The addresses that the text names, in order.
    pub fn links(&self) -> Vec<&str> {
        let words = self.text.split_whitespace();
        words
            .filter(|word| word.starts_with("https://") || word.starts_with("http://"))
            .collect()
    }

    /// The one-time token of the first link: the value of `token` in its query or fragment, or else what stands behind
    /// the last `#`, `=` or `/`.
    ///
    /// # Panics
    /// When there is no link.
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
