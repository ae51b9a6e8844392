use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mainstay_database::{Id, Job};
use mainstay_kernel::Timestamp;
use serde::Serialize;

use crate::Mail;

/// How many messages are kept.
const KEPT: usize = 200;

/// Where mail goes in development: nowhere but into this process' memory. Cloning it is cheap.
#[derive(Clone, Default)]
pub struct Mailbox(Arc<Mutex<VecDeque<Message>>>);

/// A mail that would have been sent.
#[derive(Clone, Serialize)]
pub struct Message {
    /// The job that sent it.
    pub id: Id<Job>,
    /// When.
    pub at: Timestamp,
    /// To whom.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// What it says, as text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
}

impl Mailbox {
    /// The messages, newest first.
    pub fn messages(&self) -> Vec<Message> {
        self.lock().iter().cloned().collect()
    }

    /// Keeps a message; one that is already there is kept once.
    pub(crate) fn deliver(&self, id: Id<Job>, at: Timestamp, mail: Mail) {
        let mut messages = self.lock();
        if messages.iter().any(|message| message.id == id) {
            return;
        }

        let (to, subject) = (mail.to().to_owned(), mail.subject().to_owned());
        let (text, html) = (mail.text().to_owned(), mail.html().to_owned());

        // By the time of their making, which ids tell: several are on their way at once.
        let place = messages.partition_point(|message| message.id.uuid() > id.uuid());
        messages.insert(
            place,
            Message {
                id,
                at,
                to,
                subject,
                text,
                html,
            },
        );

        messages.truncate(KEPT);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
