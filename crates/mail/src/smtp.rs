//! The dialogue with a mail server (RFC 5321), step by step, so that the job can be marked right
//! before the message is sent.

use std::fmt::Display;

use lettre::{
    Message,
    transport::smtp::{
        Error,
        authentication::{Credentials, Mechanism},
        client::AsyncSmtpConnection,
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
    },
};
use mainstay_jobs::{Claimed, JobError};
use mainstay_kernel::ExposeSecret as _;
use tokio::time::timeout;

use crate::server::{MailServer, Tls};

impl MailServer {
    /// Sends a message, at most once.
    ///
    /// Up to and including `DATA`, nothing is delivered. Then the job is marked as handed over.
    /// After that, the outcome is the server's reply, or unknown without one.
    pub(crate) async fn send(&self, job: &Claimed, message: &Message) -> Result<(), JobError> {
        let mut connection = match timeout(self.timeout, self.begin(message)).await {
            Ok(connection) => connection?,
            Err(_) => return Err(JobError::retry("the mail server did not answer in time")),
        };

        job.hand_over().await?;

        connection
            .message(&message.formatted())
            .await
            .map_err(|error| match error.status() {
                Some(_) => refused("the message", &error),
                None => JobError::unclear("the mail server did not confirm the message"),
            })?;

        // The server has the message, so errors while closing the connection do not matter.
        drop(timeout(self.timeout, connection.quit()).await);

        Ok(())
    }

    /// Runs all commands up to the server's reply that it waits for the message.
    async fn begin(&self, message: &Message) -> Result<AsyncSmtpConnection, JobError> {
        let envelope = message.envelope();
        let from = envelope
            .from()
            .ok_or_else(|| JobError::give_up("the message has no sender"))?;
        let mut connection = self.connect(from.domain()).await?;

        let mut parameters = Vec::new();
        if !envelope.to().iter().all(|to| to.to_string().is_ascii()) {
            if !connection
                .server_info()
                .supports_feature(Extension::SmtpUtfEight)
            {
                return Err(JobError::give_up(
                    "the mail server does not support addresses with non-ASCII characters",
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }

        step(
            &mut connection,
            "the sender",
            Mail::new(Some(from.clone()), parameters),
        )
        .await?;

        for to in envelope.to() {
            step(
                &mut connection,
                "the recipient",
                Rcpt::new(to.clone(), Vec::new()),
            )
            .await?;
        }

        step(&mut connection, "a message", Data).await?;

        Ok(connection)
    }

    /// Opens an encrypted and authenticated connection, and verifies the server's certificate.
    /// Errors here do not depend on the message, so the job is retried.
    async fn connect(&self, domain: &str) -> Result<AsyncSmtpConnection, JobError> {
        let hello = ClientId::Domain(domain.to_owned());
        let implicit = (self.tls == Tls::Implicit).then(|| self.parameters.clone());
        let address = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            address,
            Some(self.timeout),
            &hello,
            implicit,
            None,
        )
        .await
        .map_err(|error| unavailable("cannot connect to the mail server", &error))?;

        if self.tls == Tls::StartTls {
            let upgraded = connection.starttls(self.parameters.clone(), &hello).await;
            upgraded.map_err(|error| unavailable("the mail server refused STARTTLS", &error))?;
        }

        if !connection.is_encrypted() {
            return Err(JobError::retry(
                "the connection to the mail server is not encrypted",
            ));
        }

        if let Some((user, password)) = &self.credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let signed_in = connection
                .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
                .await;
            signed_in
                .map_err(|error| unavailable("cannot authenticate with the mail server", &error))?;
        }

        Ok(connection)
    }
}

async fn step(
    connection: &mut AsyncSmtpConnection,
    what: &str,
    command: impl Display,
) -> Result<(), JobError> {
    match connection.command(command).await {
        Ok(_) => Ok(()),
        Err(error) if error.status().is_some() => Err(refused(what, &error)),
        Err(_) => Err(JobError::retry(
            "the connection to the mail server was lost",
        )),
    }
}

/// The server refused a command, temporarily (4xx) or permanently (5xx). Only the code is kept,
/// because the reply may quote the address.
fn refused(what: &str, error: &Error) -> JobError {
    let code = error
        .status()
        .map(|code| code.to_string())
        .unwrap_or_default();
    let reason = format!("the mail server refused {what} ({code})");

    if error.is_permanent() {
        JobError::give_up(reason)
    } else {
        JobError::retry(reason)
    }
}

fn unavailable(what: &str, error: &Error) -> JobError {
    let code = error
        .status()
        .map(|code| format!(" ({code})"))
        .unwrap_or_default();
    let tls = if error.is_tls() { ": TLS failed" } else { "" };

    tracing::debug!(%error, "{what}");
    JobError::retry(format!("{what}{code}{tls}"))
}
