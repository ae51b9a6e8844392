//! Signals that do not stop the process: SIGHUP reloads the certificate, SIGUSR1 logs more and
//! SIGUSR2 logs less.

use std::io;

use mainstay_http::Certificate;
use mainstay_kernel::Clock;
use mainstay_telemetry::Telemetry;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::renewal::{log_refusal, renew};

/// Handlers of the signals, which no longer end the process.
pub(super) struct Signals {
    hang_up: Signal,
    louder: Signal,
    quieter: Signal,
}

impl Signals {
    /// Installs the handlers. Call it early, because an unhandled signal ends the process.
    ///
    /// # Errors
    /// The operating system's error.
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            louder: signal(SignalKind::user_defined1())?,
            quieter: signal(SignalKind::user_defined2())?,
        })
    }

    /// Handles the signals for the lifetime of the process.
    pub(super) async fn handle(mut self, telemetry: Telemetry, certificate: Option<Certificate>) {
        loop {
            tokio::select! {
                _ = self.hang_up.recv() => reload(certificate.as_ref()),
                _ = self.louder.recv() => tracing::warn!(verbosity = telemetry.louder(), "log verbosity raised"),
                _ = self.quieter.recv() => tracing::warn!(verbosity = telemetry.quieter(), "log verbosity lowered"),
            }
        }
    }
}

fn reload(certificate: Option<&Certificate>) {
    let Some(certificate) = certificate else {
        return tracing::info!("SIGHUP ignored: this process serves no certificate");
    };

    match renew(certificate, Clock::default().now()) {
        Ok(true) => {}
        Ok(false) => {
            tracing::info!(expires = %certificate.ends(), "SIGHUP ignored: the certificate is unchanged")
        }
        Err(why) => log_refusal(&why),
    }
}
