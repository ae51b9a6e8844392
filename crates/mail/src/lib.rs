//! E-mail: messages in text and HTML, queued with the change that causes them and sent by the
//! worker.
//!
//! ```ignore
//! let letter = Letter::new("Confirm your address")
//!     .paragraph("Someone, hopefully you, created an account with this address.")
//!     .button("Confirm the address", url);
//! let mail = Mail::new(address, &letter)?.job(&sql)?;
//! sql.change(Change::new("users.insert", CLAUSES, values, event).queue(mail)).await?;
//! ```
//!
//! A failed change sends nothing, and a committed one always sends its message. SMTP cannot
//! guarantee exactly one delivery; this crate guarantees at most one: [`Mailer`] marks the job
//! right before it sends the message. If the worker dies after that, the message is not sent again
//! but listed for the operator ([`undelivered`]).
//!
//! The texts of messages are not in this crate: each module writes its own.

mod address;
mod error;
mod letter;
mod mail;
mod mailbox;
mod mailer;
mod message;
mod page;
mod server;
mod settings;
mod smtp;
mod undelivered;

pub use error::MailError;
pub use letter::Letter;
pub use mail::Mail;
pub use mailbox::{Mailbox, MailboxMessage};
pub use mailer::Mailer;
pub use settings::{Settings, Transport};
pub use undelivered::{Undelivered, resend, settle, undelivered};
