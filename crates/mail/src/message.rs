//! Internet messages (RFC 5322).

use std::time::SystemTime;

use lettre::{
    Message,
    message::{
        Mailbox as Address, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use mainstay_database::{Id, Job};
use mainstay_jobs::JobError;
use mainstay_kernel::Timestamp;

use crate::{Mail, address};

/// Builds the Internet message (RFC 5322). Its Message-ID is the job's id, so that servers and
/// tests can recognise duplicates.
pub(crate) fn message(
    from: &Address,
    id: Id<Job>,
    now: Timestamp,
    mail: &Mail,
) -> Result<Message, JobError> {
    let to = address::parse(mail.to())
        .ok_or_else(|| JobError::give_up("mail cannot be sent to this address"))?;
    let parts = MultiPart::alternative().boundary(format!("part-{id}"));

    Message::builder()
        .from(from.clone())
        .to(Address::new(None, to))
        .subject(mail.subject())
        .date(SystemTime::from(now.inner()))
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        // RFC 3834: suppresses out-of-office replies.
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(
            parts
                .singlepart(SinglePart::plain(mail.text().to_owned()))
                .singlepart(SinglePart::html(mail.html().to_owned())),
        )
        .map_err(|_| JobError::give_up("building the message failed"))
}

#[cfg(test)]
mod tests {
    use mainstay_kernel::Runtime;

    use super::*;
    use crate::Letter;

    /// OWASP ASVS 1.3.11.
    #[test]
    fn a_name_cannot_add_a_header() {
        let letter = Letter::new("Hello\r\nBcc: eve@example.com\r\n\r\nbody")
            .paragraph("Grüße\r\n.\r\nQUIT");
        let mail = Mail::new("ada@example.org", &letter).unwrap();
        let runtime = Runtime::default();
        let from = "Example <no-reply@example.org>".parse().unwrap();
        let message = message(&from, runtime.new_id(), runtime.clock.now(), &mail).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();

        assert!(text.is_ascii());

        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = head
            .split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .map(|(name, _)| name)
            .collect();

        let expected = [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "MIME-Version",
            "Content-Type",
        ];

        assert_eq!(names, expected, "{head}");
        assert_eq!(message.envelope().to().len(), 1);
        assert!(Mail::new("ada@example.org\r\nBcc: eve@example.com", &letter).is_err());
    }
}
