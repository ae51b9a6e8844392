//! What a running process does at signals that do not end it: SIGHUP reads the certificate again, SIGUSR1 logs more and
//! SIGUSR2 less.

use std::io;

use mainstay_http::Certificate;
use mainstay_kernel::Clock;
use mainstay_telemetry::Telemetry;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::renewal::{renew, tell_refusal};

/// The signals, which from now on do not end the process.
pub(super) struct Signals {
    hang_up: Signal,
    louder: Signal,
    quieter: Signal,
}

impl Signals {
    /// Takes them. To be done before anything else, since a signal that nobody takes ends the process.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn take() -> io::Result<Self> {
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            louder: signal(SignalKind::user_defined1())?,
            quieter: signal(SignalKind::user_defined2())?,
        })
    }

    /// Obeys them for as long as the process lives.
    pub(super) async fn obey(mut self, telemetry: Telemetry, certificate: Option<Certificate>) {
        loop {
            tokio::select! {
                _ = self.hang_up.recv() => read_again(certificate.as_ref()),
                _ = self.louder.recv() => tracing::warn!(verbosity = telemetry.louder(), "the log is louder"),
                _ = self.quieter.recv() => tracing::warn!(verbosity = telemetry.quieter(), "the log is quieter"),
            }
        }
    }
}

fn read_again(certificate: Option<&Certificate>) {
    let Some(certificate) = certificate else {
        return tracing::info!(
            "SIGHUP: this process shows no certificate, and reads nothing else again"
        );
    };

    match renew(certificate, Clock::default().now()) {
        Ok(true) => {}
        Ok(false) => {
            tracing::info!(expires = %certificate.ends(), "SIGHUP: the certificate has not changed")
        }
        Err(why) => tell_refusal(&why),
    }
}
