use std::fmt;

use mainstay_database::{Error, Job, Unscoped};
use serde::{Deserialize, Serialize};

use crate::{KIND, Letter, MailError, address};

/// A letter to somebody, ready to be queued.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mail {
    to: String,
    subject: String,
    text: String,
    html: String,
}

impl Mail {
    /// A letter to one address.
    ///
    /// # Errors
    /// [`MailError::Address`] when `to` is no address that mail can be sent to, or could mean more than one.
    pub fn new(to: &str, letter: &Letter) -> Result<Self, MailError> {
        let to = address::parse(to).ok_or(MailError::Address)?.to_string();
        Ok(Self {
            to,
            subject: letter.subject().to_owned(),
            text: letter.text()?,
            html: letter.html()?,
        })
    }

    /// The job that sends it, to be queued with a [`Change`](mainstay_database::Change). Its id is the message's.
    ///
    /// # Errors
    /// [`Error::Internal`] when it has no JSON form.
    pub fn job(&self, unscoped: &Unscoped) -> Result<Job, Error> {
        unscoped.job(KIND, self)
    }

    /// Whom it is for.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// What it is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What it says, as text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it says, as HTML.
    pub fn html(&self) -> &str {
        &self.html
    }
}

/// It names a person and may hold a one-time secret.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}
