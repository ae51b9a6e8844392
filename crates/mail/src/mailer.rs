use futures_util::future::BoxFuture;
use mainstay_jobs::{Claimed, Handler, JobError};

use crate::{KIND, Mail, Mailbox, Settings, Transport, message::message};

/// Sends mail that was queued: each once at most.
pub struct Mailer {
    settings: Settings,
    mailbox: Mailbox,
}

impl Mailer {
    /// Sends as the settings say.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            mailbox: Mailbox::default(),
        }
    }

    /// Where mail goes in development; `None` when it goes to a server.
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
