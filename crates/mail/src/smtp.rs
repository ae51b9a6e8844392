//! The conversation with a mail server (RFC 5321), step by step, so that the moment before a message leaves can be noted.

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

use crate::server::{Server, Tls};

impl Server {
    /// Sends a message, at most once.
    ///
    /// Up to and with `DATA` nothing is delivered, whatever happens. Then the job is noted as handed over, and what
    /// follows is either answered by the server or unclear.
    pub(crate) async fn send(&self, job: &Claimed, message: &Message) -> Result<(), JobError> {
        let mut connection = match timeout(self.timeout, self.begin(message)).await {
            Ok(begun) => begun?,
            Err(_) => return Err(JobError::retry("the mail server did not answer in time")),
        };

        job.hand_over().await?;

        connection
            .message(&message.formatted())
            .await
            .map_err(|error| match error.status() {
                Some(_) => refused("the message", &error),
                None => {
                    JobError::unclear("the mail server did not say whether it took the message")
                }
            })?;

        // It has the message; how the connection ends does not matter.
        drop(timeout(self.timeout, connection.quit()).await);

        Ok(())
    }

    /// Everything up to the server's word that it waits for the message.
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
                    "the mail server takes no address beyond ASCII",
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

    /// An encrypted connection to the server that its certificate names, signed in. What goes wrong here is no fault of
    /// the message, so that it is tried again.
    async fn connect(&self, domain: &str) -> Result<AsyncSmtpConnection, JobError> {
        let hello = ClientId::Domain(domain.to_owned());
        let wrapped = (self.tls == Tls::AtOnce).then(|| self.parameters.clone());
        let address = (self.host.as_str(), self.port);
        let opened =
            AsyncSmtpConnection::connect_tokio1(address, Some(self.timeout), &hello, wrapped, None)
                .await;
        let mut connection =
            opened.map_err(|error| unavailable("cannot connect to the mail server", &error))?;

        if self.tls == Tls::AfterGreeting {
            let upgraded = connection.starttls(self.parameters.clone(), &hello).await;
            upgraded.map_err(|error| unavailable("the mail server does not begin TLS", &error))?;
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
            signed_in.map_err(|error| unavailable("cannot sign in at the mail server", &error))?;
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

/// The server said no: for now (4xx), or for good (5xx). Its words may quote the address, so that only the code is kept.
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
