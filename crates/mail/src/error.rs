//! The error of a message that cannot be created.

use mainstay_http::{INTERNAL, Problem};

/// The reason why a message cannot be created. It quotes neither the address nor the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The address is invalid.
    #[error("mail cannot be sent to this address")]
    Address,
    /// The template failed.
    #[error("rendering the message failed")]
    Template,
}

impl From<MailError> for Problem {
    fn from(error: MailError) -> Self {
        INTERNAL.problem().caused_by(error)
    }
}
