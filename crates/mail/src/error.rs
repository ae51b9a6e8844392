use mainstay_http::{INTERNAL, Problem};

/// Why something is no mail. It quotes neither the address nor the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// Mail cannot be sent to such an address.
    #[error("mail cannot be sent to this address")]
    Address,
    /// The template failed.
    #[error("the letter cannot be written")]
    Template,
}

impl From<MailError> for Problem {
    fn from(error: MailError) -> Self {
        INTERNAL.problem().caused_by(error)
    }
}
