//! The handler that sends queued messages.

use futures_util::future::BoxFuture;
use mainstay_jobs::{Claimed, Handler, JobError};

use crate::{Mail, Mailbox, Settings, Transport, mail::KIND, message::message};

/// Sends queued messages, each at most once.
pub struct Mailer {
    settings: Settings,
    mailbox: Mailbox,
}

impl Mailer {
    /// Creates a mailer.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            mailbox: Mailbox::default(),
        }
    }

    /// The mailbox of development; `None` if a server delivers the messages.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        matches!(self.settings.transport, Transport::Mailbox).then_some(&self.mailbox)
    }

    async fn send(&self, job: &Claimed) -> Result<(), JobError> {
        let mail: Mail = job.payload()?;
        let now = job.database().runtime().clock.now();
        let message = message(&self.settings.from, job.id(), now, &mail)?;

        match &self.settings.transport {
            Transport::Smtp(server) => server.send(job, &message).await,
            Transport::Mailbox => {
                self.mailbox.deliver(job.id(), now, mail);
                Ok(())
            }
        }
    }
}

impl Handler for Mailer {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn run<'a>(&'a self, job: &'a Claimed) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(self.send(job))
    }
}
