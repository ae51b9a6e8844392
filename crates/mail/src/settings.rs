//! The settings of e-mail.

use std::{path::PathBuf, time::Duration};

use lettre::{
    message::Mailbox as Sender,
    transport::smtp::client::{Certificate, CertificateStore, TlsParameters},
};
use mainstay_config::{Environment, Reader};

use crate::server::{MailServer, Url};

/// The settings of e-mail.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) from: Sender,
    /// How messages are delivered.
    pub transport: Transport,
}

/// How messages are delivered.
#[derive(Clone, Debug)]
pub enum Transport {
    /// Through a mail server.
    Smtp(MailServer),
    /// Into the memory of this process, in development.
    Mailbox,
}

const URL: (&str, &str) = (
    "mail.smtp_url",
    "Server that delivers mail: smtps://user:password@host:465, or smtp://…:587 for STARTTLS; required in production.",
);

impl Settings {
    /// Reads the settings. `reader` collects the errors.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        let environment = reader.environment();
        let url = reader.optional_secret(URL.0, URL.1);
        let from: Option<String> = reader.optional(
            "mail.from",
            "Sender of e-mail: Name <address>; required in production.",
        );
        let authority: Option<PathBuf> = reader.optional(
            "mail.smtp_ca",
            "PEM file of the mail server's CA, instead of the public ones.",
        );

        let timeout = reader.or(
            "mail.smtp_timeout",
            Duration::from_secs(30),
            "How long the mail server may take for each step.",
        );

        if environment == Environment::Production {
            for (name, missing) in [
                ("mail.smtp_url", url.is_none()),
                ("mail.from", from.is_none()),
            ] {
                if missing {
                    reader.refuse(
                        name,
                        "is required, because people are notified of changes to their accounts by e-mail",
                    );
                }
            }
        }

        let from = sender(
            reader,
            from.as_deref().unwrap_or("Mainstay <no-reply@example.com>"),
        );

        let transport = match url.map(|url| Url::parse(&url)) {
            None => Some(Transport::Mailbox),
            Some(Ok(url)) => server(reader, url, authority, timeout).map(Transport::Smtp),
            Some(Err(why)) => {
                reader.refuse("mail.smtp_url", why);
                None
            }
        };

        Some(Self {
            from: from?,
            transport: transport?,
        })
    }
}

fn sender(reader: &mut Reader, from: &str) -> Option<Sender> {
    let sender = from
        .parse::<Sender>()
        .ok()
        .filter(|_| !from.contains(char::is_control));
    if sender.is_none() {
        reader.refuse(
            "mail.from",
            "is not a sender such as Example <no-reply@example.org>",
        );
    }
    sender
}

fn server(
    reader: &mut Reader,
    url: Url,
    authority: Option<PathBuf>,
    timeout: Duration,
) -> Option<MailServer> {
    let mut parameters = TlsParameters::builder(url.host.clone());
    parameters = match authority {
        None => parameters.certificate_store(CertificateStore::WebpkiRoots),
        Some(path) => {
            let certificate = std::fs::read(path)
                .ok()
                .and_then(|pem| Certificate::from_pem(&pem).ok());
            let Some(certificate) = certificate else {
                reader.refuse(
                    "mail.smtp_ca",
                    "cannot be read as a PEM file of certificates",
                );
                return None;
            };

            parameters
                .certificate_store(CertificateStore::None)
                .add_root_certificate(certificate)
        }
    };

    let Ok(parameters) = parameters.build() else {
        reader.refuse("mail.smtp_ca", "contains a certificate that is not a CA");
        return None;
    };

    let Url {
        host,
        port,
        tls,
        credentials,
    } = url;

    Some(MailServer {
        host,
        port,
        tls,
        credentials,
        parameters,
        timeout,
    })
}
