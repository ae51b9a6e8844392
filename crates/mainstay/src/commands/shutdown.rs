//! Waits for the signals that end a process.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for Ctrl-C or SIGTERM. Both are taken from the call on, not only once somebody waits: a process that is still busy
/// starting ends in order, too.
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
                tracing::error!("signals cannot be received; stopping");
            }
        }
    }
}
