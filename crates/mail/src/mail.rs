//! A message to one address, and the job that sends it.

use std::fmt;

use mainstay_database::{Error, Job, Sql};
use serde::{Deserialize, Serialize};

use crate::{Letter, MailError, address};

/// The kind of the jobs that send e-mail.
pub(crate) const KIND: &str = "mail";

/// A message with its recipient, ready to be queued.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mail {
    to: String,
    subject: String,
    text: String,
    html: String,
}

impl Mail {
    /// Renders a message to one address.
    ///
    /// # Errors
    /// [`MailError::Address`] if `to` is not a valid address, or could mean more than one.
    pub fn new(to: &str, letter: &Letter) -> Result<Self, MailError> {
        let to = address::parse(to).ok_or(MailError::Address)?.to_string();

        Ok(Self {
            to,
            subject: letter.subject().to_owned(),
            text: letter.text()?,
            html: letter.html()?,
        })
    }

    /// Creates the job that sends it, to be queued with a [`Change`](mainstay_database::Change).
    /// The job's id becomes the Message-ID.
    ///
    /// # Errors
    /// [`Error::Internal`] if it cannot be serialized.
    pub fn job(&self, sql: &Sql) -> Result<Job, Error> {
        sql.job(KIND, self)
    }

    /// The address of the recipient.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The subject.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The content as text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The content as HTML.
    pub fn html(&self) -> &str {
        &self.html
    }
}

/// Shows nothing, because a message names a person and may contain a one-time secret.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}
