//! The mailbox of development.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mainstay_database::{Id, Job};
use mainstay_kernel::Timestamp;
use serde::Serialize;

use crate::Mail;

/// Number of messages that are kept.
const KEPT: usize = 200;

/// The mailbox of development: messages stay in the memory of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Mailbox(Arc<Mutex<VecDeque<MailboxMessage>>>);

/// A message that would have been sent in production.
#[derive(Clone, Serialize)]
pub struct MailboxMessage {
    /// The id of the job that sent it.
    pub id: Id<Job>,
    /// When it was sent.
    pub at: Timestamp,
    /// The address of the recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The content as text.
    pub text: String,
    /// The content as HTML.
    pub html: String,
}

impl Mailbox {
    /// The messages, newest first.
    pub fn messages(&self) -> Vec<MailboxMessage> {
        self.lock().iter().cloned().collect()
    }

    /// Adds a message, unless it is there already.
    pub(crate) fn deliver(&self, id: Id<Job>, at: Timestamp, mail: Mail) {
        let mut messages = self.lock();
        if messages.iter().any(|message| message.id == id) {
            return;
        }

        // Ids sort by creation time. Concurrent deliveries may arrive in another order.
        let place = messages.partition_point(|message| message.id.uuid() > id.uuid());
        messages.insert(
            place,
            MailboxMessage {
                id,
                at,
                to: mail.to().to_owned(),
                subject: mail.subject().to_owned(),
                text: mail.text().to_owned(),
                html: mail.html().to_owned(),
            },
        );

        messages.truncate(KEPT);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<MailboxMessage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MailboxMessage {
    /// The URLs in the text, in order.
    pub fn links(&self) -> Vec<&str> {
        let words = self.text.split_whitespace();
        words
            .filter(|word| word.starts_with("https://") || word.starts_with("http://"))
            .collect()
    }
}

impl fmt::Debug for MailboxMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailboxMessage")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
