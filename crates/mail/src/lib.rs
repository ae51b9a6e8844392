//! Mail: letters in text and HTML, queued with the change that causes them and sent by the worker.
//!
//! ```ignore
//! let letter = Letter::new("Confirm your address")
//!     .paragraph("Somebody, we hope you, made an account with this address.")
//!     .button("Confirm the address", url);
//! let mail = Mail::new(address, &letter)?.job(&unscoped)?;
//! unscoped.change(Change::new("users.insert", CLAUSES, values, event).queue(mail)).await?;
//! ```
//!
//! A change that fails sends nothing, and one that is committed is never forgotten. SMTP cannot promise that a message
//! arrives exactly once; what is promised here is that none is sent twice: [`Mailer`] notes the moment before the message
//! leaves, and what was left behind after it is shown to the operator ([`undelivered`]) instead of being sent again.
//!
//! What is not here: what letters say. Each module writes its own.

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
pub use mailbox::{Mailbox, Message};
pub use mailer::Mailer;
pub use settings::{Settings, Transport};
pub use undelivered::{Undelivered, resend, settle, undelivered};

/// The kind of the jobs that are mail.
const KIND: &str = "mail";
