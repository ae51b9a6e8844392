//! A fake mail server (RFC 5321): it supports TLS, records what it receives, and fails on demand.

use std::{
    collections::VecDeque,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// When TLS starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    AtOnce,
    AfterGreeting,
    Never,
}

/// A fault in one connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refuses the recipient with this reply.
    Recipient(&'static str),
    /// Refuses the message with this reply, after it has arrived.
    Message(&'static str),
    /// Never answers `DATA`.
    SilentAtData,
    /// Takes the message, and never answers.
    SilentAfterMessage,
    /// Takes the message, and closes the connection.
    HangUpAfterMessage,
}

/// A message that arrived completely.
#[derive(Clone, Debug)]
pub struct Received {
    pub id: String,
    pub to: Vec<String>,
    pub text: String,
    pub encrypted: bool,
}

/// The server. It runs until the test's runtime ends.
#[derive(Clone)]
pub struct SmtpServer {
    port: u16,
    authority: Arc<NamedTempFile>,
    state: Arc<State>,
}

struct State {
    tls: Tls,
    acceptor: TlsAcceptor,
    /// Time that it takes to accept a message.
    pace: Duration,
    faults: Mutex<VecDeque<Fault>>,
    received: Mutex<Vec<Received>>,
    commands: Mutex<Vec<(bool, String)>>,
}

impl SmtpServer {
    pub async fn start(tls: Tls) -> Self {
        Self::at_pace(tls, Duration::ZERO).await
    }

    /// Starts a server that takes `pace` to accept a message.
    pub async fn at_pace(tls: Tls, pace: Duration) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])
            .expect("the certificate is generated");
        let authority = NamedTempFile::new().expect("the temporary file is created");
        fs::write(authority.path(), certified.cert.pem()).expect("the file is written");

        let chain = vec![CertificateDer::from(certified.cert.der().to_vec())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(
            certified.signing_key.serialize_der(),
        ));
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .expect("the certificate is valid");

        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let port = listener.local_addr().expect("the port is bound").port();

        let state = Arc::new(State {
            tls,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            pace,
            faults: Mutex::default(),
            received: Mutex::default(),
            commands: Mutex::default(),
        });

        let serving = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = serving.clone();
                // A client that hangs up is not an error.
                tokio::spawn(async move { state.converse(stream).await.ok() });
            }
        });

        Self {
            port,
            authority: Arc::new(authority),
            state,
        }
    }

    /// The value of `mail.smtp_url`.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://user:canary-password@localhost:{}", self.port)
    }

    /// The value of `mail.smtp_ca`.
    pub fn authority(&self) -> &Path {
        self.authority.path()
    }

    /// Faults of the next connections that get that far, one each.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state
            .faults
            .lock()
            .expect("the lock is not poisoned")
            .extend(faults);
    }

    pub fn received(&self) -> Vec<Received> {
        self.state
            .received
            .lock()
            .expect("the lock is not poisoned")
            .clone()
    }

    /// Number of times that a message arrived.
    pub fn count(&self, id: impl ToString) -> usize {
        let id = id.to_string();
        self.received()
            .iter()
            .filter(|message| message.id == id)
            .count()
    }

    /// The lines that arrived, and whether each was encrypted.
    pub fn commands(&self) -> Vec<(bool, String)> {
        self.state
            .commands
            .lock()
            .expect("the lock is not poisoned")
            .clone()
    }
}

impl State {
    async fn converse(&self, stream: TcpStream) -> std::io::Result<()> {
        if self.tls == Tls::AtOnce {
            return self
                .session(self.acceptor.accept(stream).await?, true, true)
                .await
                .map(drop);
        }

        let mut stream = BufReader::new(stream);
        if self.serve(&mut stream, false, true).await? {
            let encrypted = self.acceptor.accept(stream.into_inner()).await?;
            self.session(encrypted, true, false).await?;
        }

        Ok(())
    }

    async fn session(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        encrypted: bool,
        greets: bool,
    ) -> std::io::Result<bool> {
        self.serve(&mut BufReader::new(stream), encrypted, greets)
            .await
    }

    /// Answers commands; returns `true` when TLS is to start.
    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        encrypted: bool,
        greets: bool,
    ) -> std::io::Result<bool> {
        if greets {
            say(stream, "220 localhost ready").await?;
        }

        let (mut to, mut fault) = (Vec::new(), None);

        while let Some(line) = self.read_line(stream, encrypted).await? {
            let verb = line
                .split([' ', ':'])
                .next()
                .unwrap_or_default()
                .to_ascii_uppercase();

            let answer = match verb.as_str() {
                "EHLO" if !encrypted && self.tls == Tls::AfterGreeting => {
                    "250-localhost\r\n250 STARTTLS"
                }
                "EHLO" => "250-localhost\r\n250 AUTH PLAIN LOGIN",
                "STARTTLS" if !encrypted && self.tls == Tls::AfterGreeting => {
                    say(stream, "220 begin").await?;
                    return Ok(true);
                }
                "AUTH" => "235 welcome",
                "MAIL" => {
                    fault = self
                        .faults
                        .lock()
                        .expect("the lock is not poisoned")
                        .pop_front();
                    "250 ok"
                }
                "RCPT" => {
                    to.push(line.clone());
                    if let Some(Fault::Recipient(words)) = fault {
                        words
                    } else {
                        "250 ok"
                    }
                }
                "DATA" if fault == Some(Fault::SilentAtData) => std::future::pending().await,
                "DATA" => {
                    say(stream, "354 go on").await?;
                    let Some(text) = self.message(stream, encrypted).await? else {
                        return Ok(false);
                    };

                    tokio::time::sleep(self.pace).await;

                    match fault {
                        Some(Fault::Message(words)) => words,
                        fault => {
                            self.keep(std::mem::take(&mut to), text, encrypted);
                            match fault {
                                Some(Fault::SilentAfterMessage) => std::future::pending().await,
                                Some(Fault::HangUpAfterMessage) => return Ok(false),
                                _ => "250 taken",
                            }
                        }
                    }
                }
                "QUIT" => "221 bye",
                _ => "502 what?",
            };

            say(stream, answer).await?;
        }

        Ok(false)
    }

    /// Reads a message up to its final dot. Returns `None` when the client hung up before, since
    /// then nothing has arrived.
    async fn message<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        encrypted: bool,
    ) -> std::io::Result<Option<String>> {
        let mut text = String::new();
        while let Some(line) = self.read_line(stream, encrypted).await? {
            if line == "." {
                return Ok(Some(text));
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push_str("\r\n");
        }
        Ok(None)
    }

    fn keep(&self, to: Vec<String>, text: String, encrypted: bool) {
        let id = text
            .lines()
            .find_map(|line| line.strip_prefix("Message-ID: <"))
            .unwrap_or_default();
        let id = id.split('@').next().unwrap_or_default().to_owned();

        self.received
            .lock()
            .expect("the lock is not poisoned")
            .push(Received {
                id,
                to,
                text,
                encrypted,
            });
    }

    async fn read_line<S: AsyncRead + Unpin>(
        &self,
        stream: &mut BufReader<S>,
        encrypted: bool,
    ) -> std::io::Result<Option<String>> {
        let mut line = Vec::new();
        stream.read_until(b'\n', &mut line).await?;
        let ended = line.ends_with(b"\r\n");
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        self.commands
            .lock()
            .expect("the lock is not poisoned")
            .push((encrypted, line.clone()));
        Ok(ended.then_some(line))
    }
}

async fn say(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    words: &str,
) -> std::io::Result<()> {
    stream.write_all(format!("{words}\r\n").as_bytes()).await?;
    stream.flush().await
}
