//! Waits for the signals that end a process.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for Ctrl-C or SIGTERM. The handlers are installed by the call itself, before the future is
/// polled, so a process that is still starting shuts down gracefully, too.
pub(crate) fn requested() -> impl Future<Output = ()> {
    let signals = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );

    async {
        match signals {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            _ => {
                tracing::error!("cannot install signal handlers; stopping");
            }
        }
    }
}
